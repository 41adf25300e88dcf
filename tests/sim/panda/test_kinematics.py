import dataclasses
import math

import numpy as np
import pytest

from doorlab.doors import Action, View, oracle_action
from doorlab.errors import ConfigError
from doorlab.seeding import stream
from doorlab.sim import make_simulator
from doorlab.sim.grip import MAX_FORCE, SLIP_DISTANCE, STIFFNESS, hand_paths
from doorlab.sim.panda.arms import Arms, ArmTrials
from doorlab.sim.panda.kinematics import (
    BASE_RADIUS,
    LOWER,
    SECONDS,
    SPEEDS,
    UPPER,
    WALL_MARGIN,
    grip_position,
    inverse_kinematics,
    plan,
)
from doorlab.sim.panda.simulator import TIME_STEP
from doorlab.sim.pybullet.joint_pool import JointPool

DRAWER = Action(-math.pi / 2, math.inf, 0.3, 0.0)  # straight down
ARC = Action(0.0, 0.75, 1.4, 0.0)  # a pull door's


@pytest.fixture(scope="module")
def panda():
    simulator = make_simulator("panda")
    yield simulator
    simulator.close()


@pytest.fixture(scope="module")
def arm():
    arms = Arms(1, TIME_STEP)
    yield arms
    arms.close()


@pytest.fixture(scope="module")
def pull_doors(doors):
    return [door for door in doors if door.swing == "pull"]


def oracles(doors):
    return np.stack([oracle_action(door) for door in doors])[:, None]


def random_actions(count, seed):
    actions = stream(seed, "actions").uniform(-1, 1, (count, 4))
    return [Action.from_normalized(a) for a in actions]


def go(arm, action, force=(0.0, 0.0, 0.0)):
    """Grip (m, handle frame), joint positions and velocities after every step; and the plan."""
    plans = plan([action], TIME_STEP)
    targets = plans.targets[0]
    arm.put(0, targets[0])
    lanes, forces = np.array([0]), np.array([force])
    grips, joints = [], []
    for k in range(int(plans.steps[0])):
        rates = (targets[k + 1] - targets[k]) / TIME_STEP
        arm.step(lanes, targets[None, k], rates[None], forces)
        grips.append(plans.placement.position + plans.placement.turned_out(arm.grip))
        joints.append((arm.joints[0].copy(), arm.joint_rates[0].copy()))
    return np.array(grips)[:, :, 0], np.array(joints), plans


def test_panda_kinematics_match_urdf(arm):
    q = stream(0, "joints").uniform(LOWER, UPPER, (20, 7))
    for joints in q:
        arm.put(0, joints)
        np.testing.assert_allclose(grip_position(joints[:, None]), arm.grip, atol=1e-6)


def test_inverse_kinematics_reach_targets_in_workspace():
    rng = stream(1, "way")
    distance, turn, rise = rng.uniform((0.25, -2.0, -0.6), (0.9, 2.0, 0.6), (200, 3)).T
    flat = distance * np.cos(rise)
    way = np.stack([flat * np.cos(turn), flat * np.sin(turn), 0.333 + distance * np.sin(rise)])
    joints = inverse_kinematics(way[:, :, None])
    np.testing.assert_allclose(grip_position(joints[:, :, 0]), way, atol=1e-3)
    far = inverse_kinematics(np.array([1.5, 0.0, 0.5])[:, None, None])
    assert 0.8 < np.linalg.norm(grip_position(far[:, :, 0])) < 1.2


@pytest.mark.parametrize("action", [ARC, DRAWER, Action(math.pi, math.inf, 0.8, 0.0)])
def test_panda_free_arm_follows_hand_path_within_centimeter(arm, action):
    way, _ = hand_paths([action], 1e-3)
    grips, _, plans = go(arm, action)
    off = np.linalg.norm(grips[:, None] - way[0][None], axis=2).min(axis=1)
    assert off.max() < 0.01
    assert np.linalg.norm(grips[-1] - way[0, -1]) < 0.01
    assert plans.steps[0] * TIME_STEP <= 2.6  # s: hardly later than a hand on rails


def test_panda_plan_respects_joint_limits():
    plans = plan(random_actions(100, 2), TIME_STEP)
    assert (plans.targets >= LOWER).all()
    assert (plans.targets <= UPPER).all()
    assert (np.abs(np.diff(plans.targets, axis=1)) <= SPEEDS * TIME_STEP).all()
    assert plans.steps.max() <= round(SECONDS / TIME_STEP)


def test_panda_joints_respect_limits_under_load(arm):
    rng = stream(3, "force")
    for action in [*random_actions(6, 4), ARC]:
        direction = rng.normal(size=3)
        _, joints, _ = go(arm, action, MAX_FORCE * direction / np.linalg.norm(direction))
        positions, velocities = joints[:, 0], joints[:, 1]
        assert (positions >= LOWER).all()
        assert (positions <= UPPER).all()
        assert (np.abs(velocities) <= SPEEDS + 1e-9).all()


def test_panda_arm_yields_to_external_force(arm):
    still = Action(0.0, math.inf, 0.0, 0.0)
    sideways = 400.0  # N, more than the motors can hold
    grips, _, plans = go(arm, still, (0.0, sideways, 0.0))
    moved = plans.placement.turned_in((grips[-1] - grips[0])[:, None])[:, 0]
    assert moved[1] > SLIP_DISTANCE
    assert np.abs(go(arm, still)[0]).max() < 0.005


def test_panda_base_is_before_wall_and_clear_of_panel():
    actions = [a for a in random_actions(150, 5) if not a.slides]
    ways, _ = hand_paths(actions, 0.05)
    base = plan(actions, 1 / 30).placement.position
    assert (base[1] <= -WALL_MARGIN + 1e-9).all()
    for n, action in enumerate(actions):
        axis = action.radius * np.array([math.cos(action.phi), math.sin(action.phi)])
        axis[1] = 0.0
        for share in (0.5, 0.8, 1.0):
            panel = axis + share * (ways[n, :, :2] - axis)
            assert np.linalg.norm(panel - base[:2, n], axis=1).min() > BASE_RADIUS - 0.05


def test_panda_oracle_opens_pull_doors(panda, pull_doors):
    rewards = panda.interact(pull_doors[:24], oracles(pull_doors[:24])).rewards
    assert rewards.mean() > 0.95
    assert (rewards > 0.9).mean() >= 0.85


def test_panda_cannot_open_push_door_beyond_reach(panda, doors):
    wide = [d for d in doors if d.swing == "push" and d.handle_radius * d.opening_limit > 1.3][:4]
    outcome = panda.interact(wide, oracles(wide))
    assert outcome.slipped.all()
    assert (outcome.rewards > 0.2).all()
    assert (outcome.rewards < 0.8).all()


def test_panda_fails_with_wrong_directions_and_locks(panda, doors):
    some = doors[:6]
    best = [Action.from_normalized(oracle_action(door)) for door in some]
    wrong = [
        [
            dataclasses.replace(a, swing=-a.swing).to_normalized(),
            dataclasses.replace(a, phi=math.pi - a.phi).to_normalized(),
        ]
        for a in best
    ]
    outcome = panda.interact(some, np.array(wrong))
    assert outcome.rewards[:, 0].max() < 0.02
    # Arcs about hinges on either side part by 2 R (1 - cos q), and the grip lasts for so long.
    radius = np.array([door.handle_radius for door in some])
    parted = np.arccos(1 - SLIP_DISTANCE / (2 * radius))
    assert outcome.slipped.all()
    assert (outcome.joint_positions[:, 1] < parted + 0.1).all()
    locked = [dataclasses.replace(door, locked=True) for door in some]
    assert panda.interact(locked, oracles(some)).rewards.max() < 0.02


def test_panda_rewards_are_shares_and_independent_of_history(panda, doors):
    actions = stream(6, "actions").uniform(-1, 1, (12, 2, 4)).astype(np.float32)
    actions[:, 0] = oracles(doors[:12])[:, 0]
    first = panda.interact(doors[:12], actions)
    assert (first.rewards >= 0.0).all()
    assert (first.rewards <= 1.0).all()
    again = panda.interact(doors[:12], actions)
    for name in ("rewards", "joint_positions", "slipped", "steps"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    for d, j in ((0, 0), (5, 1), (11, 0)):
        alone = panda.interact([doors[d]], actions[d : d + 1, j : j + 1])
        assert alone.rewards[0, 0] == first.rewards[d, j]


def test_panda_records_trajectories(panda, doors):
    outcome = panda.interact(doors[:2], oracles(doors[:2]), record=True)
    assert outcome.trajectories.shape == (2, 1, round(SECONDS / TIME_STEP))
    np.testing.assert_array_equal(outcome.trajectories[:, :, -1], outcome.joint_positions)


def test_panda_light_door_follows_plan(panda, pull_doors):
    """A door without resistance follows the angle of the planned grip."""
    door = dataclasses.replace(
        pull_doors[0],
        width=0.75,
        opening_limit=1.6,
        mass=3.0,
        hinge_friction=0.01,
        hinge_damping=0.1,
        stiction=0.0,
        closer_stiffness=0.0,
    )
    action = dataclasses.replace(Action.from_normalized(oracle_action(door)), swing=1.3)
    outcome = panda.interact([door], action.to_normalized()[None, None], record=True)
    plans = plan([action], TIME_STEP)
    steps = int(plans.steps[0])
    grip = grip_position(plans.targets[0].T)[:, None]
    meant = plans.placement.position[1] + plans.placement.turned_out(grip)[1, 0]
    angle = np.arcsin(np.clip(-meant / door.handle_radius, -1.0, 1.0))[1 : steps + 1]
    assert outcome.steps[0, 0] == steps
    behind = angle - outcome.trajectories[0, 0, :steps]
    assert np.abs(behind).max() < 0.003
    assert abs(behind.mean()) < 3e-4


def test_panda_arm_feels_reaction_of_handle_force(doors):
    class Still(Arms):
        """An arm that stays 4 cm before the handle, and writes down what it feels."""

        def __init__(self, plans):
            self.grip = plans.placement.turned_in(np.array([[0.0], [-0.04], [0.0]]))
            self.grip -= plans.placement.turned_in(plans.placement.position)
            self.grip_rate = np.zeros((3, 1))
            self.felt = []

        def put(self, lane, joints):
            pass

        def step(self, lanes, targets, rates, forces):
            self.felt.append(plans.placement.turned_out(forces.T)[:, 0])

    door = dataclasses.replace(doors[0], locked=True)
    action = Action.from_normalized(oracle_action(door))
    plans = plan([action], TIME_STEP)
    arm = Still(plans)
    rack = JointPool(1, slides=False, time_step=TIME_STEP)
    ArmTrials([door], [action], TIME_STEP, False, arm).run(rack)
    rack.close()
    np.testing.assert_allclose(arm.felt[0], [0.0, 0.04 * STIFFNESS, 0.0], atol=1e-9)
    assert len(arm.felt) == plans.steps[0]


def test_panda_is_deterministic_across_simulators(panda, doors):
    other = make_simulator("panda")
    actions = oracles(doors[:3])
    np.testing.assert_array_equal(
        other.interact(doors[:3], actions).rewards, panda.interact(doors[:3], actions).rewards
    )
    other.close()
    other.close()


def test_panda_images_equal_those_of_hand_simulator(panda, simulator, doors):
    views = [[View((0.0, -3.0, 1.05), (0.0, 0.0, 1.05), 0.86)]]
    seen = [s.render(doors[:1], np.array([[0.4]]), views, 32).images for s in (panda, simulator)]
    np.testing.assert_array_equal(*seen)


def test_make_simulator_suggests_panda():
    with pytest.raises(ConfigError, match=r"out of auto, panda, pybullet.*Did you mean 'panda'"):
        make_simulator("pandas")
