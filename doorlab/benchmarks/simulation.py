"""Compares the simulator with bare PyBullet loops on the same doors."""

from __future__ import annotations

import time

import numpy as np

from doorlab.benchmarks.timing import paired, paired_rates
from doorlab.doors import Door, View, get_prior
from doorlab.intervals import Estimate
from doorlab.seeding import stream
from doorlab.sim import RenderOptions, make_simulator

_FRAMES, _INTERACTIONS, _IMAGE_SIZE = 8, 32, 64


def sample_doors(count: int, prior: str = "default") -> list[Door]:
    """Samples doors of a prior."""
    return [get_prior(prior).sample(stream(0, "bench", i)) for i in range(count)]


def sample_views(doors: list[Door]) -> tuple[np.ndarray, list[list[View]]]:
    """Joint positions (D, M) and camera poses for the doors."""
    prior, rng = get_prior("default"), stream(0, "bench", "frames")
    angles = rng.uniform(0, 1.2, (len(doors), _FRAMES))
    return angles, [[prior.sample_view(rng, d) for _ in range(_FRAMES)] for d in doors]


def sample_actions(doors: list[Door]) -> np.ndarray:
    """Random actions (D, J, 4)."""
    shape = (len(doors), _INTERACTIONS, 4)
    return stream(0, "bench", "actions").uniform(-1, 1, shape).astype(np.float32)


def frames(rounds: int) -> dict[str, Estimate]:
    """Images of 64 x 64, against `resetJointState` + `getCameraImage` on the same scenes.

    The bare loop does not include the time to create and remove the scenes.
    """
    simulator = make_simulator(
        "pybullet"
    )  # first, so that a missing PyBullet raises an error for users
    from doorlab.sim.pybullet.rendering import photograph
    from doorlab.sim.pybullet.scene import Scene

    doors = sample_doors(20)
    angles, views = sample_views(doors)
    scene, layers = Scene(), RenderOptions()

    def ours() -> float:
        start = time.perf_counter()
        simulator.render(doors, angles, views, _IMAGE_SIZE)
        return angles.size / (time.perf_counter() - start)

    def bare() -> float:
        seconds = 0.0
        for door, row, eyes in zip(doors, angles, views, strict=True):
            with scene.door(door):
                start = time.perf_counter()
                for q, view in zip(row, eyes, strict=True):
                    scene.pose(q)
                    photograph(scene.client, view, door.appearance, _IMAGE_SIZE, layers)
                seconds += time.perf_counter() - start
        return angles.size / seconds

    ours()
    bare()
    speed, limit, ratio = paired(ours, bare, rounds)
    simulator.close()
    scene.close()
    return {"frames_per_s": speed, "bare_frames_per_s": limit, "frames_vs_bare": ratio}


def interactions(rounds: int) -> dict[str, Estimate]:
    """Random interactions, against `stepSimulation` on one door for the same number of steps.

    The bare loop neither reads nor drives the joint.
    """
    simulator = make_simulator(
        "pybullet"
    )  # first, so that a missing PyBullet raises an error for users
    from doorlab.sim.pybullet.engine import pybullet
    from doorlab.sim.pybullet.joint_pool import JointPool
    from doorlab.sim.pybullet.simulator import TIME_STEP

    doors = sample_doors(64)
    actions = sample_actions(doors)
    steps = int(simulator.interact(doors, actions).steps.sum())
    count = actions.shape[0] * actions.shape[1]

    def ours() -> int:
        simulator.interact(doors, actions)
        return count

    rack = JointPool(1, slides=False, time_step=TIME_STEP)
    rack.put(0, doors[0], doors[0].opening_limit, doors[0].hinge_friction)
    client = rack.clients[0]

    def bare() -> int:
        step = pybullet.stepSimulation
        for _ in range(steps):
            step(physicsClientId=client)
        return count

    speed, limit, ratio = paired_rates(ours, bare, rounds)
    simulator.close()
    rack.close()
    return {
        "interactions_per_s": speed,
        "bare_interactions_per_s": limit,
        "interactions_vs_bare": ratio,
    }
