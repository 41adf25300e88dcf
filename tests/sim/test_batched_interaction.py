"""Interactions of `doorlab.sim.torch` against PyBullet's, and against closed forms."""

import dataclasses

import numpy as np
import pytest
import torch

from doorlab.data.sources.simulation import GenerationConfig, passive_actions
from doorlab.doors import Action, get_prior, oracle_action
from doorlab.seeding import stream
from doorlab.sim import make_simulator, optimal_rewards
from doorlab.sim.torch import DoorParams, TorchSimulator, interact

PRIORS = ("default", "wild")


@pytest.fixture(scope="module")
def batched():
    simulator = make_simulator("torch")
    yield simulator
    simulator.close()


@pytest.fixture(scope="module")
def mixed():
    """150 doors of each prior."""
    return [get_prior(PRIORS[i % 2]).sample(stream(11, "door", i)) for i in range(300)]


def tries(mix):
    """Four actions (300, 4, 4) for each of the mixed doors."""
    configs = [GenerationConfig(prior=p, action_mix=mix, interactions=4) for p in PRIORS]
    return np.stack([passive_actions(configs[i % 2], i) for i in range(300)])


@pytest.mark.parametrize("mix", ["uniform", "plausible"])
def test_torch_rewards_match_pybullet(simulator, batched, mixed, mix):
    actions = tries(mix)
    expected = simulator.interact(mixed, actions, record=True)
    got = batched.interact(mixed, actions, record=True)
    difference = np.abs(got.rewards - expected.rewards)
    assert (difference <= 0.05).mean() >= 0.999
    assert difference.mean() <= 0.001
    assert (got.slipped == expected.slipped).mean() >= 0.999
    assert np.quantile(np.abs(got.steps - expected.steps), 0.99) <= 1
    way = np.abs(got.trajectories - expected.trajectories).max(axis=2)
    assert np.quantile(way, 0.99) < 0.04  # rad or m: what PyBullet's stops give way
    np.testing.assert_array_equal(got.trajectories[..., -1], got.joint_positions)


def test_torch_oracle_rewards_match_pybullet(simulator, batched, mixed):
    expected = optimal_rewards(simulator, mixed)
    np.testing.assert_allclose(optimal_rewards(batched, mixed), expected, atol=0.005)
    free = np.array([not door.locked for door in mixed])
    assert expected[free].min() > 0.9


def test_torch_joint_stops_are_rigid(batched, mixed):
    """PyBullet's penalty lets doors pass their stops; these do not move beyond."""
    actions = tries("plausible")
    got = batched.interact(mixed, actions, record=True)
    limits = np.array([door.opening_limit for door in mixed])[:, None, None]
    held = ~got.slipped  # a slip is put between two steps, extrapolated as in PyBullet
    assert (got.trajectories <= limits + 1e-6)[held].all()
    assert got.trajectories.min() >= -1e-6


def test_torch_friction_holds_against_smaller_force(batched, doors):
    """A hand that pulls by less than friction does not move the joint."""
    door = dataclasses.replace(
        doors[0], latch_angle=0.0, hinge_friction=70.0, stiction=0.0, closer_stiffness=0.0
    )
    best = Action.from_normalized(oracle_action(door))
    small = dataclasses.replace(best, swing=0.03 * door.swing_sign)
    got = batched.interact([door], small.to_normalized()[None, None], record=True)
    assert (got.trajectories == 0.0).all()
    assert not got.slipped.any()


def test_torch_interaction_converges_with_finer_steps(doors):
    """Rewards of the oracle hardly depend on the step."""
    actions = torch.as_tensor(np.stack([oracle_action(d) for d in doors[:50]]))[:, None]
    columns = DoorParams.from_doors(doors[:50], dtype=torch.float64)
    coarse, fine, finest = (
        interact(columns, actions, time_step=1 / rate).rewards for rate in (30, 240, 480)
    )
    assert (fine - finest).abs().max() < 0.004
    assert (coarse - finest).abs().max() < 0.05


@pytest.mark.parametrize("chunk_size", [1, 7, 64])
def test_torch_interaction_is_independent_of_chunk_size(batched, mixed, chunk_size):
    actions = tries("plausible")[:20]
    whole = batched.interact(mixed[:20], actions, record=True)
    pieces = TorchSimulator(chunk_size=chunk_size).interact(mixed[:20], actions, record=True)
    for field in dataclasses.fields(whole):
        np.testing.assert_array_equal(getattr(whole, field.name), getattr(pieces, field.name))


def test_torch_interaction_accepts_no_actions(batched, doors):
    got = batched.interact(doors[:2], np.zeros((2, 0, 4)), record=True)
    assert got.rewards.shape == (2, 0)
    assert got.trajectories.shape == (2, 0, 60)
