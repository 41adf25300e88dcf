"""Compares the `torch` simulator with PyBullet's on the same doors, in one process each."""

from __future__ import annotations

from doorlab.benchmarks.simulation import sample_actions, sample_doors, sample_views
from doorlab.benchmarks.timing import paired_rates, rates
from doorlab.intervals import Estimate
from doorlab.sim import RenderOptions, make_simulator

_DOORS, _SIZE = 200, 64


def frames(rounds: int) -> dict[str, Estimate]:
    """Images of 64 x 64, without the compilation time of the ray caster."""
    from doorlab.sim.torch import TorchSimulator

    doors = sample_doors(_DOORS)
    angles, views = sample_views(doors)
    simulator, reference = TorchSimulator(compiled=True), make_simulator("pybullet")

    def ours() -> int:
        simulator.render(doors, angles, views, _SIZE)
        return angles.size

    def theirs() -> int:
        reference.render(doors[::4], angles[::4], views[::4], _SIZE)
        return angles[::4].size

    def with_shadows() -> int:
        simulator.render(doors[::4], angles[::4], views[::4], _SIZE, RenderOptions(shadows=True))
        return angles[::4].size

    speed, _, ratio = paired_rates(ours, theirs, rounds)
    reference.close()
    return {
        "torch_frames_per_s": speed,
        "torch_frames_vs_pybullet": ratio,
        "torch_shadow_frames_per_s": rates(with_shadows, rounds),
    }


def interactions(rounds: int) -> dict[str, Estimate]:
    """Random interactions, many with each of many doors."""
    from doorlab.sim.torch import TorchSimulator

    doors = sample_doors(_DOORS)
    actions = sample_actions(doors)
    simulator, reference = TorchSimulator(), make_simulator("pybullet")

    def ours() -> int:
        simulator.interact(doors, actions)
        return actions.shape[0] * actions.shape[1]

    def theirs() -> int:
        reference.interact(doors[::4], actions[::4])
        return actions[::4].shape[0] * actions.shape[1]

    speed, _, ratio = paired_rates(ours, theirs, rounds)
    reference.close()
    return {"torch_interactions_per_s": speed, "torch_interactions_vs_pybullet": ratio}
