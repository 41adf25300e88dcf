"""Things by name that other packages can add to: models, policies, priors and simulators.

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
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from doorlab.errors import ConfigError, unknown_name

T = TypeVar("T")

_IMPORT_PATH = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


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
        """Makes a registry.

        Args:
            kind: what it holds, in the singular, for errors: "prior".
            group: of entry points: "doorlab.priors".
            builtins: name -> object.
            fits: whether an object from outside is one of these.
            expected: what such an object is, in words: "a DoorPrior".
        """
        self._kind, self._group = kind, group
        self._builtins = dict(builtins)
        self._fits, self._expected = fits, expected

    def get_named(self, name: object) -> T:
        """The object of that name.

        Raises ConfigError for a name that is not known, for a module that cannot be imported, and
        for an object of another kind.
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
        """The object of that name. Raises KeyError for a name that is not known."""
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
        """How many names there are."""
        return len(self._builtins.keys() | self._entry_points().keys())

    def _entry_points(self) -> dict[str, EntryPoint]:
        return _entry_points_of(self._group)

    def _imported(self, path: str) -> Any:
        module, _, attribute = path.partition(":")
        try:
            found = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{module}.".startswith(f"{error.name}."):
                raise  # of something that the module itself needs
            raise ConfigError(
                f"a module {module} for the {self._kind} {path}",
                "none on the Python path",
                "install it, or run the command in its folder",
            ) from None
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
                f"a {type(found).__name__}",
                "correct the name, or the object",
            )
        return found


@cache
def _entry_points_of(group: str) -> dict[str, EntryPoint]:
    """Name -> entry point; looked up once, as it reads the metadata of every installed package."""
    return {point.name: point for point in entry_points(group=group)}


def short_name(name: str) -> str:
    """How results call an object: its name, or the last part of its import path in lower case."""
    _, colon, attribute = name.rpartition(":")
    return attribute.rpartition(".")[2].lower() if colon else name
