"""Simulators behind one batch-first interface. The only package that imports pybullet.

Torch is imported by `sim.batched` alone, when that is asked for.
"""

from doorlab.sim.interactions import Interactions
from doorlab.sim.oracle import optimal_rewards
from doorlab.sim.pictures import Layers, Pictures
from doorlab.sim.simulator import SIMULATORS, Simulator, make_simulator

__all__ = [
    "SIMULATORS",
    "Interactions",
    "Layers",
    "Pictures",
    "Simulator",
    "make_simulator",
    "optimal_rewards",
]
