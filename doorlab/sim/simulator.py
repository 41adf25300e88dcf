"""The interface of all simulators: a sequence of doors and actions in, arrays out.

A simulator is made by name ("torch"), by an entry point of the group "doorlab.simulators", or by
the import path of a callable without arguments that returns one ("barn_doors:BarnSimulator"). The
name "auto" means pybullet, or torch if PyBullet is not installed.

Shapes: D doors, M frames per door, J interactions per door, T control steps, H, W pixels.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from functools import cache
from typing import Protocol, runtime_checkable

import numpy as np

from doorlab.doors.camera import View
from doorlab.doors.door import Door
from doorlab.errors import ConfigError, SimulatorError
from doorlab.registry import Registry, takes_arguments
from doorlab.sim.interactions import InteractionResult
from doorlab.sim.rendering import RGB_ONLY, RenderOptions, RenderResult
from doorlab.terminal.text import print_note

AUTO = "auto"  # pybullet if it is installed, else torch; datasets record the resolved name


@runtime_checkable
class Simulator(Protocol):
    """Renders doors and simulates interactions with them."""

    name: str
    renderer: str  # recorded in datasets, because images differ between renderers

    def render(
        self,
        doors: Sequence[Door],
        joint_positions: np.ndarray,
        views: Sequence[Sequence[View]],
        image_size: int,
        layers: RenderOptions = RGB_ONLY,
    ) -> RenderResult:
        """Renders images (D, M, H, W): door d at joint_positions[d, m] from views[d][m]."""
        ...

    def interact(
        self, doors: Sequence[Door], actions: np.ndarray, *, record: bool = False
    ) -> InteractionResult:
        """Simulates every normalized action of (D, J, 4) on its closed door, from rest."""
        ...

    def close(self) -> None:
        """Frees the engine. Repeated calls have no effect."""
        ...


def _pybullet() -> Simulator:
    try:
        from doorlab.sim.pybullet.simulator import PyBulletSimulator
    except ModuleNotFoundError as error:
        raise _explained(error) from None
    return PyBulletSimulator()


def _panda() -> Simulator:
    try:
        from doorlab.sim.panda.simulator import PandaSimulator
    except ModuleNotFoundError as error:
        raise _explained(error) from None
    return PandaSimulator()


def _explained(error: ModuleNotFoundError) -> Exception:
    """Converts the error of a missing PyBullet; returns other errors unchanged."""
    if error.name is None or error.name.split(".")[0] not in ("pybullet", "pybullet_data"):
        return error
    return SimulatorError(
        "pybullet to be installed (its wheels are for CPython 3.11 to 3.13)",
        "a Python environment without it",
        "use the simulator torch, Python 3.11 to 3.13, or a dataset that was generated elsewhere",
    )


def _auto() -> Simulator:
    return make_simulator(resolve_simulator(AUTO))


def _torch() -> Simulator:
    from doorlab.sim.torch.simulator import TorchSimulator

    return TorchSimulator()


SIMULATORS: Registry[Callable[[], Simulator]] = Registry(
    "simulator",
    "doorlab.simulators",
    {AUTO: _auto, "pybullet": _pybullet, "panda": _panda, "torch": _torch},
    takes_arguments(0),
    "a callable without arguments that returns a Simulator",
)
_INTERFACE = ("name", "renderer", "render", "interact", "close")


def resolve_simulator(name: str) -> str:
    """The name of a simulator; for auto, pybullet if it is installed, and otherwise torch.

    Prints one note per process if auto is torch, because the two simulators give other images.
    """
    if name != AUTO:
        return name
    if _has_pybullet():
        return "pybullet"
    _note_fallback()
    return "torch"


def _has_pybullet() -> bool:
    """Whether PyBullet is installed. It is not imported: the engine prints when it starts."""
    spec = importlib.util.find_spec("pybullet")
    return spec is not None and spec.origin is not None  # a folder of that name has no origin


@cache
def _note_fallback() -> None:
    print_note("the simulator is torch, because PyBullet is not installed")


def make_simulator(name: str = AUTO) -> Simulator:
    """Creates a simulator by name.

    Args:
        name: of SIMULATORS, or an import path of a callable that returns a simulator.

    Raises:
        ConfigError: for an unknown name, a module that cannot be imported, and an object that lacks
            the interface.
        SimulatorError: for a simulator that cannot run here.
    """
    simulator = SIMULATORS.get_named(name)()
    lacking = [part for part in _INTERFACE if not hasattr(simulator, part)]
    if lacking:
        raise ConfigError(
            f"a Simulator with {', '.join(_INTERFACE)} from {name}",
            f"an object of the type {type(simulator).__name__} without {', '.join(lacking)}",
            "complete the class, or name another callable",
        )
    return simulator
