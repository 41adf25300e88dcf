"""The reference simulator against a second engine with a hand of its own (`mujoco_hand`)."""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import pytest

pytest.importorskip("mujoco")

from helpers.mujoco_hand import TIME_STEP as FINE_STEP
from helpers.mujoco_hand import Pull, door_model, hand_at, lag_at, pull

from doorlab.data.sources.simulation import GenerationConfig, passive_actions
from doorlab.doors import Action, Door, get_prior, oracle_action
from doorlab.seeding import stream
from doorlab.sim.grip import SLIP_DISTANCE, hand_paths
from doorlab.sim.pybullet.simulator import TIME_STEP, PyBulletSimulator

PRIOR = dataclasses.replace(get_prior("default"), sliding_probability=0.2, locked_probability=0.02)


@dataclass(frozen=True)
class Pair:
    """One interaction in both engines. `course` is PyBullet's, after every control step."""

    door: Door
    action: Action
    mujoco: Pull
    end: float
    slipped: bool
    seconds: float
    course: np.ndarray

    @property
    def difference(self) -> float:
        """PyBullet's end minus MuJoCo's, as a share of the opening limit."""
        return (self.end - self.mujoco.end) / self.door.opening_limit


def compare(simulator, doors, actions):
    there = simulator.interact(doors, actions, record=True)
    pairs = []
    for d, j in np.ndindex(actions.shape[:2]):
        action = Action.from_normalized(actions[d, j])
        here, seconds = float(there.joint_positions[d, j]), there.steps[d, j] * TIME_STEP
        course = there.trajectories[d, j]
        slipped = bool(there.slipped[d, j])
        pairs.append(Pair(doors[d], action, pull(doors[d], action), here, slipped, seconds, course))
    return pairs


def why(pair):
    """What explains that the engines end apart; None if nothing does."""
    limit = pair.door.opening_limit
    stopped = min(max(pair.end, 0.0), limit)
    if pair.slipped and abs(stopped - pair.mujoco.end) <= 0.01 * limit:
        return "slipped at a stop: half a step of PyBullet's prediction lies behind it"
    times = np.arange(1, len(pair.course) + 1) * TIME_STEP
    mujoco_seconds = len(pair.mujoco.course) * FINE_STEP
    if pair.mujoco.slipped and (not pair.slipped or mujoco_seconds <= pair.seconds):
        q = np.interp(mujoco_seconds, times, pair.course)
        lag = lag_at(pair.door, pair.action, float(q), mujoco_seconds)
    elif pair.slipped:
        lag = pair.mujoco.lags[: round(pair.seconds / FINE_STEP)].max()
    else:
        return None
    if abs(lag - SLIP_DISTANCE) < 0.01:
        return "slipped a little earlier in one engine than in the other"
    return None


def report(pairs):
    apart = np.abs([pair.difference for pair in pairs])
    print(
        f"{len(pairs)} interactions: within 0.05 {np.mean(apart <= 0.05):.3f}, "
        f"within 0.01 {np.mean(apart <= 0.01):.3f}, mean {apart.mean():.5f}, max {apart.max():.4f}"
    )
    for pair in pairs:
        if abs(pair.difference) > 0.01:
            print(f"{pair.door.mechanism} {pair.mujoco.end:.4f} {pair.end:.4f}: {why(pair)}")
    return apart


@pytest.fixture(scope="module")
def tried(simulator):
    """500 interactions: a uniform and a plausible action on each of 250 doors."""
    doors = [PRIOR.sample(stream(11, "door", i)) for i in range(250)]
    config = GenerationConfig(interactions=2, seed=11)
    actions = np.stack([passive_actions(config, i) for i in range(250)])
    for i in range(0, 250, 5):  # `default` itself has no slides to guess
        actions[i, 1, 1] = 0.9
    return compare(simulator, doors, actions)


@pytest.fixture(scope="module")
def nearly_right(simulator):
    """100 interactions of a hand that knows the door nearly: it slips after a long way."""
    doors = [PRIOR.sample(stream(12, "door", i)) for i in range(100)]
    actions = np.stack([oracle_action(door) for door in doors])[:, None]
    noise = stream(12, "noise").normal(0.0, [0.03, 0.06, 0.1, 0.1], actions.shape)
    noisy = actions + noise
    noisy[..., 0] = (noisy[..., 0] + 1.0) % 2.0 - 1.0  # directions are periodic
    return compare(simulator, doors, np.clip(noisy, -1.0, 1.0))


def test_random_interactions_match_mujoco(tried):
    apart = report(tried)
    moved = np.array([p.mujoco.end > 0.05 * p.door.opening_limit for p in tried])
    assert moved.sum() > 100  # agreeing about doors that stay shut would be little
    for some in (apart, apart[moved]):
        assert np.mean(some <= 0.05) >= 0.95
        assert np.mean(some <= 0.01) >= 0.95
    assert apart.mean() < 0.002


def test_long_interactions_match_mujoco(nearly_right):
    apart = report(nearly_right)
    assert np.mean(apart <= 0.05) >= 0.95
    assert apart.mean() < 0.01


def test_engines_agree_in_fine_steps(nearly_right):
    """The error of the control step would hide friction that is 30 % too high."""
    doors = [pair.door for pair in nearly_right]
    actions = np.stack([pair.action.to_normalized() for pair in nearly_right])[:, None]
    fine = PyBulletSimulator(1 / 1000)
    ends = fine.interact(doors, actions).joint_positions[:, 0]
    fine.close()
    limits = np.array([door.opening_limit for door in doors])
    apart = np.abs(ends - [pair.mujoco.end for pair in nearly_right]) / limits
    midway = ends < 0.99 * limits
    print(f"fine: {apart.max():.5f}, midway {midway.sum()} of mean {apart[midway].mean():.5f}")
    assert apart.max() < 0.01
    assert apart[midway].mean() < 0.0005


def test_disagreements_with_mujoco_have_explanation(tried, nearly_right):
    apart = [pair for pair in tried + nearly_right if abs(pair.difference) > 0.01]
    assert [pair for pair in apart if why(pair) is None] == []


def test_grip_loss_matches_mujoco(tried, nearly_right):
    pairs = tried + nearly_right
    both = [pair.slipped == pair.mujoco.slipped for pair in pairs]
    assert np.mean(both) >= 0.99
    assert sum(not pair.slipped for pair in pairs) > 20


def test_hand_path_matches_mujoco_hand(doors):
    action = Action(2.5, 0.7, -1.3, 0.0)
    for some in (action, dataclasses.replace(action, radius=math.inf)):
        positions, velocities = hand_paths([some], 0.01)
        for step in range(0, 200, 7):
            position, velocity = hand_at(some, (step + 0.5) * 0.01)
            np.testing.assert_allclose(positions[0, step], position, atol=1e-12)
            np.testing.assert_allclose(velocities[0, step], velocity, atol=1e-12)


@pytest.mark.parametrize("sliding", [0.0, 1.0])
def test_joint_inertia_matches_mujoco(sliding):
    import mujoco

    prior = dataclasses.replace(PRIOR, sliding_probability=sliding)
    for i in range(10):
        door = prior.sample(stream(13, i))
        model = door_model(door, held=False)
        data = mujoco.MjData(model)
        data.qvel[0] = 1.0
        mujoco.mj_forward(model, data)
        mujoco.mj_energyVel(model, data)
        assert data.energy[1] == pytest.approx(door.joint_inertia / 2, rel=1e-9)
