"""Simulators behind one batched interface. This is the only package that imports pybullet.

Torch is imported by `sim.torch` only, when that simulator is requested.
"""

from doorlab.sim.interactions import InteractionResult
from doorlab.sim.oracle import optimal_rewards
from doorlab.sim.rendering import RenderOptions, RenderResult
from doorlab.sim.simulator import AUTO, SIMULATORS, Simulator, make_simulator, resolve_simulator

__all__ = [
    "AUTO",
    "SIMULATORS",
    "InteractionResult",
    "RenderOptions",
    "RenderResult",
    "Simulator",
    "make_simulator",
    "optimal_rewards",
    "resolve_simulator",
]
