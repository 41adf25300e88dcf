"""The pages of the command line, from the configs of the commands."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from dataclasses import MISSING
from types import ModuleType
from typing import Any

from doorlab import cli
from doorlab.options import DescribedOption, described_options, reflowed

# An option in prose. Help texts name options without backticks.
_OPTION = re.compile(r"(?<![\w`-])--[a-z][\w.-]*\w")


def pages() -> dict[str, str]:
    """Path of a page in docs/generated -> its text: one page per command, and their list."""
    found = {f"commands/{name}.md": _page(name) for name in cli.STAGES}
    return {**found, "commands/index.md": _index()}


def options_of(command: str) -> dict[str, list[DescribedOption]]:
    """Preset -> the options of a command with their defaults; one preset "" without presets."""
    module = importlib.import_module(cli.command_module(command))
    presets: dict[str, Any] = getattr(module, "PRESETS", None) or {"": None}
    choices = {"preset": tuple(presets)} if "" not in presets else {}
    config: Any = module.Config
    return {
        preset: list(described_options(config, default, choices))
        for preset, default in presets.items()
    }


def _index() -> str:
    rows = [
        f"| [`doorlab {name}`]({name}.md) | {_text(about)} |" for name, about in cli.STAGES.items()
    ]
    names = "\n".join(f"doorlab {name} <{name}>" for name in cli.STAGES)
    return (
        "# Command line\n\nThe command `doorlab STAGE [OPTIONS]` has these stages. "
        "`doorlab STAGE --help` prints the text of a page.\n\n"
        "| command | task |\n|---|---|\n" + "\n".join(rows) + "\n\n"
        "The exit status is 0 for success, 2 for wrong input or a damaged file, 1 for other "
        "failures, and 130 after an interruption.\n\n"
        f":::{{toctree}}\n:hidden:\n\n{names}\n:::\n"
    )


def _page(name: str) -> str:
    module = importlib.import_module(cli.command_module(name))
    return "\n\n".join([f"# doorlab {name}", *_about(module), *_options(name)]) + "\n"


def _about(module: ModuleType) -> Iterator[str]:
    for paragraph in reflowed(module.__doc__ or "").split("\n\n"):
        commands = paragraph.startswith("    ")
        yield f"```sh\n{_dedented(paragraph)}\n```" if commands else _text(paragraph)


def _dedented(paragraph: str) -> str:
    return "\n".join(line.removeprefix("    ") for line in paragraph.splitlines())


def _options(name: str) -> Iterator[str]:
    by_preset = options_of(name)
    first = next(iter(by_preset.values()))
    yield f":::{{program}} doorlab {name}\n:::"
    group = None
    for number, option in enumerate(first):
        if option.group != group:
            group = option.group
            yield f"## {group.rstrip('.') or 'Options'}"
        defaults = {preset: options[number].default for preset, options in by_preset.items()}
        yield _option(option, defaults)


def _option(option: DescribedOption, defaults: dict[str, Any]) -> str:
    value = option.value.replace(",", ",\u200b")  # long lists of names break after a comma
    names = ", ".join(f"{name} {value}".strip() for name in option.names)
    text = " ".join([_text(option.help.strip()), *_default(option, defaults)])
    return f"::::{{option}} {names}\n{text}\n::::"


def _default(option: DescribedOption, defaults: dict[str, Any]) -> Iterator[str]:
    if option.default is MISSING:
        yield "Required."
        return
    shown = {preset: _shown(value) for preset, value in defaults.items()}
    if len(set(shown.values())) == 1:
        if shown_value := next(iter(shown.values())):
            yield f"Default: {shown_value}."
    elif option.names[0] != "--preset":
        yield "Default: " + ", ".join(f"{v or 'none'} ({p})" for p, v in shown.items()) + "."
    else:
        yield f"Default: {_shown(option.default)}."


def _shown(value: Any) -> str:
    """A default as it is typed; empty for None and for an empty list."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    words = " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return f"`{words}`" if value is not None and words else ""


def _text(text: str) -> str:
    """Markdown of a help text: options are code, and placeholders are no HTML."""
    parts = re.split(r"(`[^`]*`)", text)
    parts[::2] = [_OPTION.sub(r"`\g<0>`", part).replace("<", "&lt;") for part in parts[::2]]
    return "".join(parts)
