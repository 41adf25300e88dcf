"""Command-line options from the fields of config dataclasses: order, groups, help and errors.

The docstring below a field is the help of its option. The annotation of a field can add names to
show in the help, and aliases:

    runs: Annotated[tuple[Path, ...], Option(aliases=("--run",))] = ()
    prior: Annotated[str, Option(choices=("narrow", "wild"))] = "narrow"

A field that is a config itself becomes a group of options with its name as their prefix.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import difflib
import inspect
import io
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from doorlab.errors import ConfigError, unknown_name
from doorlab.limits import flag

# The most common options come first, in this order; the others follow in order of declaration.
_FIRST = ("preset", "model", "models", "runs", "data", "out")


@dataclass(frozen=True)
class Option:
    """Annotation of a config field with properties of its option.

    Attributes:
        choices: names to show in the help; values are not checked against them here.
        aliases: additional names of the option, with hyphens.
    """

    choices: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


class DescribedOption(NamedTuple):
    """One option of a command, for documentation.

    Attributes:
        names: the option and its aliases, with hyphens; for an argument without a name, its
            placeholder.
        value: placeholder of the value, or the accepted names in braces; empty for a switch.
        default: value of the option if it is not given; `dataclasses.MISSING` if it is required.
        help: text of the help.
        group: text of the help of the group; empty for options without a group.
    """

    names: tuple[str, ...]
    value: str
    default: Any
    help: str
    group: str


class _Field(NamedTuple):
    """One field of a config."""

    name: str
    kind: Any
    markers: tuple[Any, ...]
    default: Any
    help: str


def parse_options(
    config: type,
    default: Any,
    *,
    prog: str,
    description: str,
    args: Sequence[str],
    choices: Mapping[str, tuple[str, ...]] | None = None,
) -> Any:
    """Parses command-line arguments into a config.

    Args:
        config: class of the config, a dataclass.
        default: instance with the values of options that are not given; None for the defaults of
            the fields.
        prog: name of the command, for help and errors.
        description: description of the command, for help.
        args: command-line arguments.
        choices: field name -> names to show in the help, in addition to those of annotations.

    Raises:
        ConfigError: if an option is unknown, or a value has the wrong type.
        SystemExit: after printing the help.
    """
    import tyro  # imported late: modules that only define configs need not wait for it

    form, messages = _form(config, default, choices or {}), io.StringIO()
    try:
        with contextlib.redirect_stderr(messages):
            values, unknown = tyro.cli(
                form,
                prog=prog,
                description=reflowed(description),
                args=args,
                return_unknown_args=True,
            )
    except SystemExit as end:
        if not end.code:
            raise
        raise _misuse(_first_words(messages.getvalue()), prog) from None
    if unknown:
        raise _unknown_option(unknown, config, prog)
    return _filled(config, values)


def changed_options(
    settings: Mapping[str, Any], defaults: Mapping[str, Any], prefix: str = "--"
) -> list[str]:
    """The words of a command line that turns default settings into others.

    Args:
        settings: plain values of a config by name of the field, as result files contain them.
        defaults: the values of the options that are not given.
        prefix: prefix of the options; "--group." for the fields of a group.
    """
    words: list[str] = []
    for name, value in settings.items():
        default = defaults.get(name)
        if isinstance(value, Mapping):
            known = default if isinstance(default, Mapping) else {}
            words += changed_options(value, known, f"{flag(name, prefix)}.")
        elif value is None or value == default:
            continue
        elif isinstance(value, bool):
            words.append(flag(name if value else f"no-{name}", prefix))
        else:
            values = value if isinstance(value, list) else [value]
            words += [flag(name, prefix), *map(str, values)]
    return words


def described_options(
    config: type,
    default: Any = None,
    choices: Mapping[str, tuple[str, ...]] | None = None,
    *,
    prefix: str = "--",
    group: str = "",
) -> Iterator[DescribedOption]:
    """Yields the options of a config in the order of the help.

    Args:
        config: class of the config, a dataclass.
        default: instance with the default values; None for the defaults of the fields.
        choices: field name -> accepted names, in addition to those of annotations.
        prefix: prefix of the options.
        group: text of the help of the group.
    """
    nested = []
    for one in _ordered(_fields_of(config, default)):
        if isinstance(one.kind, type) and dataclasses.is_dataclass(one.kind):
            nested.append(one)
        else:
            yield _described(one, prefix, (choices or {}).get(one.name, ()), group)
    for one in nested:
        inner = f"{flag(one.name, prefix)}."
        yield from described_options(one.kind, one.default, prefix=inner, group=one.help)


def _described(one: _Field, prefix: str, choices: tuple[str, ...], group: str) -> DescribedOption:
    name = flag(one.name, prefix)
    about = next((m for m in one.markers if isinstance(m, Option)), Option(choices))
    reader = _reader_of(one.kind, name, about)
    if any(type(m).__module__.startswith("tyro") for m in one.markers):  # an argument in its place
        return DescribedOption((reader.metavar,), "", one.default, one.help, group)
    names = (name, *about.aliases) if reader else (name, name.replace("--", "--no-", 1))
    value = reader.metavar if reader else ""
    return DescribedOption(names, value, one.default, one.help, group)


def reflowed(text: str) -> str:
    """Joins the lines of each paragraph; keeps indented paragraphs and list items on own lines."""
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(text))
    return "\n\n".join(map(_joined, paragraphs))


def _joined(paragraph: str) -> str:
    if any(line.startswith("    ") for line in paragraph.splitlines()):
        return paragraph  # a table, or commands
    return re.sub(r"\n(?!- )\s*", " ", paragraph)


def _form(
    config: type, default: Any, choices: Mapping[str, tuple[str, ...]], prefix: str = "--"
) -> type:
    """Builds a dataclass for tyro with the ordered, grouped and documented fields of a config."""
    plain: list[tuple[str, Any, Any]] = []
    nested: list[tuple[str, Any, Any]] = []
    for one in _ordered(_fields_of(config, default)):
        if isinstance(one.kind, type) and dataclasses.is_dataclass(one.kind):
            hint = _form(one.kind, one.default, {}, f"{flag(one.name, prefix)}.")
            hint.__doc__ = one.help
            nested.append((one.name, hint, field(default_factory=hint)))
        else:
            hint = _hint_of(one, flag(one.name, prefix), choices.get(one.name, ()))
            value = field() if one.default is MISSING else field(default=one.default)
            plain.append((one.name, hint, value))
    return dataclasses.make_dataclass(config.__name__, [*plain, *nested], kw_only=True)


def _filled(config: type, form: Any) -> Any:
    """Builds the config from the values of a form (`_form`)."""
    values = {one.name: getattr(form, one.name) for one in dataclasses.fields(form)}
    for one in _fields_of(config, None):
        if isinstance(one.kind, type) and dataclasses.is_dataclass(one.kind):
            values[one.name] = _filled(one.kind, values[one.name])
    return config(**values)


def _ordered(fields: Iterable[_Field]) -> list[_Field]:
    order = {name: place for place, name in enumerate(_FIRST)}
    return sorted(fields, key=lambda one: order.get(one.name, len(order)))


def _fields_of(config: Any, default: Any) -> list[_Field]:
    hints, helps = get_type_hints(config, include_extras=True), _helps_of(config)
    found = []
    for one in dataclasses.fields(config):
        hint, markers = hints[one.name], ()
        if get_origin(hint) is Annotated:
            hint, *markers = get_args(hint)
        value = one.default if default is None else getattr(default, one.name)
        if value is MISSING and one.default_factory is not MISSING:
            value = one.default_factory()
        found.append(_Field(one.name, hint, tuple(markers), value, helps.get(one.name, "")))
    return found


def _helps_of(config: type) -> dict[str, str]:
    """Field name -> the docstring below the field, including the fields of base classes."""
    helps: dict[str, str] = {}
    for kind in reversed(config.__mro__):
        if "__dataclass_fields__" not in vars(kind):
            continue
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
        assert isinstance(tree, ast.ClassDef)
        for statement, after in zip(tree.body, tree.body[1:], strict=False):
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                docstring = after.value if isinstance(after, ast.Expr) else None
                text = docstring.value if isinstance(docstring, ast.Constant) else ""
                helps[statement.target.id] = reflowed(text) if isinstance(text, str) else ""
    return helps


def _hint_of(one: _Field, option: str, choices: tuple[str, ...]) -> Any:
    """The annotation of a field for tyro: type, markers of tyro, parser, help and aliases."""
    import tyro

    about = next((m for m in one.markers if isinstance(m, Option)), Option(choices))
    tyro_markers = [m for m in one.markers if type(m).__module__.startswith("tyro")]
    reader = _reader_of(one.kind, option, about)
    named = tyro.conf.arg(
        help=one.help,
        aliases=list(about.aliases) or None,
        help_behavior_hint="" if one.default is None else None,
    )
    return Annotated[(one.kind, *tyro_markers, *([reader] if reader else []), named)]


class _Scalar(NamedTuple):
    """A type that is parsed from one argument."""

    metavar: str
    """Placeholder of the value in the help."""
    words: str
    """Name of the type in errors."""
    kind: type


_SCALARS = {
    int: _Scalar("INT", "a whole number", int),
    float: _Scalar("FLOAT", "a number", float),
    str: _Scalar("STR", "a text", str),
    Path: _Scalar("PATH", "a path", Path),
}


def _reader_of(kind: Any, option: str, about: Option) -> Any:
    """The parser of a value for tyro; None for types that tyro parses itself (bool)."""
    from tyro.constructors import PrimitiveConstructorSpec

    origin, args = get_origin(kind), get_args(kind)
    known = tuple(map(str, about.choices))
    may_be_none = origin in (Union, UnionType) and len(args) == 2 and NoneType in args
    if may_be_none:
        (kind,) = (arg for arg in args if arg is not NoneType)
    if get_origin(kind) is Annotated:  # with limits
        kind = get_args(kind)[0]
    if origin is tuple:
        return _list_reader(args, option, known)
    if get_origin(kind) is Literal:
        known = get_args(kind)
    elif kind not in _SCALARS:
        return None
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar=_metavar(kind, known),
        instance_from_str=lambda words: (
            None if may_be_none and words == ["None"] else _read(kind, words[0], option)
        ),
        is_instance=lambda value: True,
        str_from_instance=lambda value: [str(value)],
    )


def _list_reader(args: tuple[Any, ...], option: str, known: tuple[str, ...]) -> Any:
    """The parser of a tuple: of any length (`tuple[X, ...]`) or of fixed length (`tuple[X, X]`)."""
    from tyro.constructors import PrimitiveConstructorSpec

    many = args[-1] is Ellipsis
    kind = args[0] if get_origin(args[0]) is not Annotated else get_args(args[0])[0]
    if kind not in _SCALARS:
        return None
    word = _metavar(kind, known)
    return PrimitiveConstructorSpec(
        nargs="*" if many else len(args),
        metavar=f"[{word} ...]" if many else " ".join([word] * len(args)),
        instance_from_str=lambda words: tuple(_read(kind, word, option) for word in words),
        is_instance=lambda value: True,
        str_from_instance=lambda value: [str(item) for item in value],
    )


def _metavar(kind: Any, known: Sequence[str]) -> str:
    return "{" + ",".join(known) + "}" if known else _SCALARS[kind].metavar


def _read(kind: Any, word: str, option: str) -> Any:
    """Parses one argument. Raises ConfigError if the value is invalid."""
    if get_origin(kind) is Literal:
        if word not in get_args(kind):
            raise unknown_name(f"value of {option}", word, get_args(kind))
        return word
    try:
        return _SCALARS[kind].kind(word)
    except ValueError:
        expected = f"{option} as {_SCALARS[kind].words}"
        raise ConfigError(expected, repr(word), f"correct {option}") from None


def _unknown_option(unknown: Sequence[str], config: type, prog: str) -> ConfigError:
    """The error for unknown arguments; it suggests the option with the most similar name."""
    word = next((word for word in unknown if word.startswith("-")), unknown[0]).split("=")[0]
    near = _nearest(word, list(_flags_of(config))) if word.startswith("-") else None
    fix = f"did you mean {near}?" if near else f"see `{prog} --help`"
    return ConfigError(f"options of `{prog}`", f"{word}", fix)


def _misuse(words: str, prog: str) -> ConfigError:
    """The error for arguments that tyro can't parse, derived from the message of tyro."""
    missing = re.search(r"Missing (?:value for argument '|from .*?: )([^\s']+)", words)
    several = re.search(r"Expected (\d\d+|[2-9]) values", words)
    if missing and several:
        expected, got = f"{several[1]} values for {missing[1]}", "fewer"
        return ConfigError(expected, got, f"see `{prog} --help`")
    if missing:
        return ConfigError(f"a value for {missing[1]}", "none", f"see `{prog} --help`")
    return ConfigError(f"options of `{prog}`", words, f"see `{prog} --help`")


def _nearest(word: str, known: Sequence[str]) -> str | None:
    """The option that matches by the initials of its words (--lr), or by similar spelling."""
    letters = word.strip("-")
    for option in known:
        if letters == "".join(part[0] for part in re.split(r"[-.]", option.strip("-"))):
            return option
    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=0.6)), None)


def _flags_of(config: Any, prefix: str = "--") -> Iterable[str]:
    for one in _fields_of(config, None):
        if dataclasses.is_dataclass(one.kind):
            yield from _flags_of(one.kind, f"{flag(one.name, prefix)}.")
        else:
            yield flag(one.name, prefix)


def _first_words(box: str) -> str:
    """The text of an error box of tyro, without the title and the usage hint at the end."""
    lines = [re.sub(r"\x1b\[[\d;]*m", "", line).strip(" │") for line in box.splitlines()]
    lines = [line for line in lines if line and not line.startswith(("╭", "╰"))]
    end = next((i for i, line in enumerate(lines) if line.startswith("─")), len(lines))
    return " ".join(lines[:end]).rstrip(".") or "others"
