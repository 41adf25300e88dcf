"""Registries of models, policies, priors and simulators, which other packages can extend.

A name is one of

    a built-in                 narrow
    an entry point             of an installed package, in the registry's group:
                               [project.entry-points."doorlab.priors"]
                               barn = "barn_doors:PRIOR"
    an import path             barn_doors:PRIOR

The import path is taken from the Python path, to which the command line adds the working directory.
"""

from __future__ import annotations

import importlib
import inspect
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

from doorlab.errors import ConfigError, DoorlabError, unknown_name
from doorlab.runtime.memory_errors import lack_of_memory

T = TypeVar("T")

_IMPORT_PATH = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
_LONGEST = 200  # characters of the message of another module's error


class Registry(Mapping[str, T], Generic[T]):
    """A read-only mapping of built-ins that also resolves entry points and import paths.

    Iteration, `len` and `in` see the built-ins and the entry points.
    """

    def __init__(
        self,
        kind: str,
        group: str,
        builtins: Mapping[str, T],
        fits: Callable[[Any], bool],
        expected: str,
    ) -> None:
        """Creates a registry.

        Args:
            kind: kind of the objects, in the singular, for errors: "prior".
            group: group of the entry points: "doorlab.priors".
            builtins: name -> object.
            fits: whether an object from outside doorlab is valid.
            expected: description of a valid object, for errors: "a DoorPrior".
        """
        self._kind, self._group = kind, group
        self._builtins = dict(builtins)
        self._fits, self._expected = fits, expected

    def get_named(self, name: object) -> T:
        """The object with a name.

        Raises ConfigError for an unknown name, for a module that is missing or raises an error, and
        for an invalid object. A DoorlabError of the module itself is passed on.
        """
        if isinstance(name, str):
            if name in self._builtins:
                return self._builtins[name]
            if name in (added := self._entry_points()):
                return self._checked(self._imported(added[name].value), name)
            if _IMPORT_PATH.fullmatch(name):
                return self._checked(self._imported(name), name)
        raise unknown_name(self._kind, name, self)

    def __getitem__(self, name: str) -> T:
        """The object with a name. Raises KeyError for an unknown name."""
        if name in self._builtins:
            return self._builtins[name]
        if name in self._entry_points():
            return self.get_named(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        """The built-ins in their order, then the entry points."""
        yield from self._builtins
        yield from (name for name in self._entry_points() if name not in self._builtins)

    def __len__(self) -> int:
        """The number of names."""
        return len(self._builtins.keys() | self._entry_points().keys())

    def _entry_points(self) -> dict[str, EntryPoint]:
        return _entry_points_of(self._group)

    def _imported(self, path: str) -> Any:
        module, _, attribute = path.partition(":")
        found = _module(module, f"the {self._kind} {path}")
        for part in attribute.split("."):
            if not hasattr(found, part):
                raise ConfigError(
                    f"{attribute} in the module {module} for the {self._kind} {path}",
                    "none",
                    "correct the name",
                )
            found = getattr(found, part)
        return found

    def _checked(self, found: Any, name: str) -> T:
        if not self._fits(found):
            raise ConfigError(
                f"{self._expected} as the {self._kind} {name}",
                f"an object of the type {type(found).__name__}",
                "correct the name, or the object",
            )
        return found


def takes_arguments(count: int) -> Callable[[Any], bool]:
    """A check whether an object can be called with `count` positional arguments."""

    def is_fitting(found: Any) -> bool:
        if not callable(found):
            return False
        try:
            inspect.signature(found).bind(*[None] * count)
        except TypeError:
            return False
        except ValueError:  # some callables of C have no signature
            pass
        return True

    return is_fitting


def _module(name: str, purpose: str) -> ModuleType:
    """Imports a module. Raises ConfigError if it is missing or cannot be imported."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            # The missing module is another one, which this module imports.
            raise _failed(name, purpose, error) from error
        raise ConfigError(
            f"a module {name} for {purpose}",
            "none on the Python path",
            "install it, or run the command in its folder",
        ) from None
    except (Exception, SystemExit) as error:  # a module may raise anything
        if isinstance(error, DoorlabError) or lack_of_memory(error):
            raise
        raise _failed(name, purpose, error) from error


def _failed(name: str, purpose: str, error: BaseException) -> ConfigError:
    """The error for a module that raised `error` while it was imported."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    message = " ".join(str(error).split())[:_LONGEST] or "no message"
    place = f" in {Path(last.filename).name}, line {last.lineno}"
    if isinstance(error, SyntaxError):  # its message names the place, its traceback does not
        place = ""
    return ConfigError(
        f"a module {name} that can be imported, for {purpose}",
        f"{type(error).__name__} ({message}){place}",
        "correct the module",
    )


@cache
def _entry_points_of(group: str) -> dict[str, EntryPoint]:
    """Name -> entry point; looked up once, as it reads the metadata of every installed package."""
    return {point.name: point for point in entry_points(group=group)}


def short_name(name: str) -> str:
    """How results call an object: its name, or the last part of its import path in lower case."""
    _, colon, attribute = name.rpartition(":")
    return attribute.rpartition(".")[2].lower() if colon else name
