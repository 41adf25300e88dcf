"""The simulator against bare PyBullet loops on the same doors."""

from __future__ import annotations

import numpy as np

from doorlab.benchmarks.timing import paired_rates
from doorlab.doors import Door, View, get_prior
from doorlab.intervals import Estimate
from doorlab.seeding import stream
from doorlab.sim import make_simulator

_FRAMES, _INTERACTIONS, _IMAGE_SIZE = 8, 32, 64


def sample_doors(count: int) -> list[Door]:
    """Doors of the default prior."""
    prior = get_prior("default")
    return [prior.sample(stream(0, "bench", i)) for i in range(count)]


def frames(rounds: int) -> dict[str, Estimate]:
    """Pictures of 64 x 64, against `resetJointState` + `getCameraImage` on a loaded door."""
    from doorlab.doors.urdf import HINGE_JOINT
    from doorlab.sim.pybullet.camera import photograph
    from doorlab.sim.pybullet.engine import pybullet
    from doorlab.sim.pybullet.world import World

    doors = sample_doors(20)
    prior, rng = get_prior("default"), stream(0, "bench", "frames")
    angles = rng.uniform(0, 1.2, (len(doors), _FRAMES))
    views: list[list[View]] = [[prior.sample_view(rng, d) for _ in range(_FRAMES)] for d in doors]
    simulator, world = make_simulator(), World()
    door = doors[0]

    def ours() -> int:
        return simulator.render(doors, angles, views, _IMAGE_SIZE).shape[0] * _FRAMES

    with world.door(door, visuals=True) as body:

        def bare() -> int:
            for row, eyes in zip(angles, views, strict=True):
                for q, view in zip(row, eyes, strict=True):
                    pybullet.resetJointState(body, HINGE_JOINT, q, physicsClientId=world.client)
                    photograph(world.client, view, door.appearance, _IMAGE_SIZE)
            return angles.size

        speed, limit, ratio = paired_rates(ours, bare, rounds)
    simulator.close()
    world.close()
    return {"frames_per_s": speed, "bare_frames_per_s": limit, "frames_vs_bare": ratio}


def interactions(rounds: int) -> dict[str, Estimate]:
    """Random interactions, against bare `stepSimulation` calls, as many as the hand takes."""
    from doorlab.doors.action import Action
    from doorlab.sim.pybullet.engine import pybullet
    from doorlab.sim.pybullet.interaction import try_action
    from doorlab.sim.pybullet.world import World

    doors = sample_doors(30)
    shape = (len(doors), _INTERACTIONS, 4)
    actions = stream(0, "bench", "actions").uniform(-1, 1, shape).astype(np.float32)
    simulator, world = make_simulator(), World()
    steps = 0
    for door, row in zip(doors, actions, strict=True):
        with world.door(door, visuals=False) as body:
            for a in row:
                course, _ = try_action(world.client, body, door, Action.from_normalised(a))
                steps += len(course)
    count = actions.shape[0] * actions.shape[1]

    def ours() -> int:
        simulator.interact(doors, actions)
        return count

    with world.door(doors[0], visuals=False):

        def bare() -> int:
            step, client = pybullet.stepSimulation, world.client
            for _ in range(steps):
                step(physicsClientId=client)
            return count

        speed, limit, ratio = paired_rates(ours, bare, rounds)
    simulator.close()
    world.close()
    return {
        "interactions_per_s": speed,
        "bare_interactions_per_s": limit,
        "interactions_vs_bare": ratio,
    }
