"""Simulators behind one batch-first interface. The only package that imports pybullet.

Torch is imported by `sim.batched` alone, when that is asked for.
"""

from doorlab.sim.interactions import InteractionResult
from doorlab.sim.oracle import optimal_rewards
from doorlab.sim.rendering import RenderOptions, RenderResult
from doorlab.sim.simulator import SIMULATORS, Simulator, make_simulator

__all__ = [
    "SIMULATORS",
    "InteractionResult",
    "RenderOptions",
    "RenderResult",
    "Simulator",
    "make_simulator",
    "optimal_rewards",
]
