"""Names of a registry: built-ins, entry points of other packages, import paths."""

from __future__ import annotations

import sys

import pytest

from doorlab.errors import ConfigError
from doorlab.registry import Registry, takes_arguments

BROKEN = {
    "numbers_needy": "import no_such_module_at_all\n",
    "numbers_wrong": "\n1 / 0\n",
    "numbers_unfinished": "def\n",
    "numbers_leaving": "raise SystemExit(0)\n",
    "numbers_refused": (
        "from doorlab.errors import ConfigError\nraise ConfigError('a pear', 'a fig', 'peel it')\n"
    ),
}


@pytest.fixture
def registry_of_numbers(tmp_path, monkeypatch):
    """One built-in, one entry point, and a module on the path."""
    group = f"doorlab.{tmp_path.name}"  # another one for every test, because groups are cached
    (tmp_path / "numbers_outside.py").write_text(
        "SEVEN = 7\nWORD = 'seven'\n\nclass Namespace:\n    EIGHT = 8\n"
    )
    for name, content in BROKEN.items():
        (tmp_path / f"{name}.py").write_text(content)
    folder = tmp_path / "numbers_outside-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Name: numbers-outside\nVersion: 1\n")
    (folder / "entry_points.txt").write_text(f"[{group}]\nseven = numbers_outside:SEVEN\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Registry("number", group, {"one": 1}, lambda found: isinstance(found, int), "an integer")
    for name in ("numbers_outside", *BROKEN):
        sys.modules.pop(name, None)


def test_registry_get_named_finds_builtins_entry_points_and_import_paths(registry_of_numbers):
    assert registry_of_numbers.get_named("one") == 1
    assert registry_of_numbers.get_named("seven") == 7
    assert registry_of_numbers.get_named("numbers_outside:SEVEN") == 7
    assert registry_of_numbers.get_named("numbers_outside:Namespace.EIGHT") == 8


def test_registry_is_mapping_of_names(registry_of_numbers):
    assert list(registry_of_numbers) == ["one", "seven"]
    assert len(registry_of_numbers) == 2
    assert "seven" in registry_of_numbers
    assert "eight" not in registry_of_numbers
    assert dict(registry_of_numbers) == {"one": 1, "seven": 7}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("onne", "a number out of one, seven, but got 'onne'. Did you mean 'one'?"),
        (3, "got 3"),
        ("a b:c", "got 'a b:c'"),
        ("no_such_module_here:X", "a module no_such_module_here .* none on the Python path"),
        ("numbers_outside:NINE", "NINE in the module numbers_outside"),
        (
            "numbers_outside:WORD",
            "an integer as the number numbers_outside:WORD, but got an object of the type str",
        ),
    ],
)
def test_registry_get_named_rejects_invalid_name_in_one_sentence(registry_of_numbers, name, words):
    with pytest.raises(ConfigError, match=words):
        registry_of_numbers.get_named(name)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("numbers_needy", r"ModuleNotFoundError \(No module named 'no_such_module_at_all'\)"),
        ("numbers_wrong", r"ZeroDivisionError \(division by zero\) in numbers_wrong.py, line 2."),
        ("numbers_unfinished", r"SyntaxError \(invalid syntax \(.*py, line 1\)\). Correct the"),
        ("numbers_leaving", "SystemExit"),
        ("numbers_refused", "Expected a pear, but got a fig. Peel it"),
    ],
)
def test_registry_get_named_names_error_of_module(registry_of_numbers, module, words):
    with pytest.raises(ConfigError, match=words):
        registry_of_numbers.get_named(f"{module}:X")


@pytest.mark.parametrize(
    ("found", "counts"),
    [
        (lambda: 0, {0}),
        (lambda a, b: 0, {2}),
        (lambda a, b=1: 0, {1, 2}),
        (lambda a, *, b: 0, set()),
        (range, {0, 1, 2}),  # its arguments are not known
        (7, set()),
    ],
)
def test_takes_arguments_counts_positional_arguments(found, counts):
    assert {count for count in range(3) if takes_arguments(count)(found)} == counts
