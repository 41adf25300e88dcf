import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from helpers.recorded_doors import door_of

from doorlab.bandit import History
from doorlab.bandit.policies import OraclePolicy
from doorlab.data import DoorDataset
from doorlab.doors import oracle_action
from doorlab.errors import ConfigError


@pytest.fixture
def make(env_id):
    made = []

    def _make(**settings):
        settings = {"frames": 2, "image_size": 16, **settings}
        env = gymnasium.make(env_id, **settings)
        env.action_space.seed(0)
        made.append(env)
        return env

    yield _make
    for env in made:
        env.close()


def rollout(env, seed, tries=3):
    observation, info = env.reset(seed=seed)
    env.action_space.seed(seed)
    log = [observation["images"], info]
    for _ in range(tries):
        observation, *rest = env.step(env.action_space.sample())
        log += [observation["images"], *rest]
    return log


def equal(a, b) -> bool:
    return all(
        np.array_equal(x, y) if isinstance(x, np.ndarray) else x == y
        for x, y in zip(a, b, strict=True)
    )


def test_door_bandit_env_passes_gymnasium_checker(make):
    check_env(make(render_mode="rgb_array").unwrapped)  # warnings are errors here


def test_door_bandit_env_of_recorded_doors_passes_gymnasium_checker(make, recorded):
    check_env(make(doors_from=recorded).unwrapped)


def test_door_bandit_env_is_deterministic_given_seed(make):
    first, second = rollout(make(), 7), rollout(make(), 7)
    assert equal(first, second)
    assert not np.array_equal(first[0], rollout(make(), 8)[0])


def test_seeded_reset_is_independent_of_earlier_episodes(make):
    env = make()
    first = rollout(env, 7)
    rollout(env, 1)
    assert equal(first, rollout(env, 7))


def test_door_bandit_env_truncates_at_horizon_and_never_terminates(make):
    env = make(horizon=3)
    env.reset(seed=0)
    ends = [env.step(env.action_space.sample())[2:4] for _ in range(3)]
    assert ends == [(False, False), (False, False), (False, True)]


def test_regret_is_optimal_reward_minus_reward(make):
    env = make()
    _, start = env.reset(seed=0)
    for action in (np.array([0.0, 0.5, 0.7, 1.0], np.float32), env.action_space.sample()):
        _, reward, _, _, info = env.step(action)
        assert info["optimal_reward"] == start["optimal_reward"]
        assert info["regret"] == pytest.approx(info["optimal_reward"] - reward, abs=1e-6)


def test_oracle_policy_has_zero_regret(make, recorded):
    dataset = DoorDataset.open(recorded)
    env = make(doors_from=recorded)
    for index in dataset.indices("test"):
        env.reset(options={"door": int(index)})
        (action,) = OraclePolicy(dataset.doors(np.array([index]))).act(History.empty(1))
        assert env.step(action)[4]["regret"] == pytest.approx(0, abs=1e-6)


def test_reset_with_door_key_reproduces_door(make):
    env = make()
    observation, info = env.reset(seed=3)
    again, same = env.reset(seed=99, options={"door": info["door"]})
    assert same == info
    np.testing.assert_array_equal(again["images"], observation["images"])


def test_reset_returns_recorded_frames_of_door(make, recorded):
    dataset = DoorDataset.open(recorded)
    index = int(dataset.indices("test")[2])
    observation, info = make(doors_from=recorded).reset(options={"door": index})
    expected = dataset.read("images", np.array([index]))[0, :2]
    np.testing.assert_array_equal(observation["images"], expected)
    assert info["optimal_reward"] == dataset.read("optimal_reward")[index]


def test_reset_draws_doors_of_split(make, recorded):
    env = make(doors_from=recorded, split="train")
    split = set(DoorDataset.open(recorded).indices("train").tolist())
    assert {env.reset(seed=seed)[1]["door"] for seed in range(10)} <= split


def test_render_shows_door_after_interaction(make):
    env = make(render_mode="rgb_array")
    _, info = env.reset(seed=0)
    shut = env.render()
    assert shut.shape == (256, 256, 3)
    assert shut.dtype == np.uint8
    env.step(oracle_action(door_of(info["door"])))
    assert np.abs(env.render().astype(int) - shut).mean() > 2
    env.step(np.zeros(4, np.float32))  # no swing: the door stays shut
    np.testing.assert_array_equal(env.render(), shut)


def test_trajectory_ends_at_final_joint_position(make):
    env = make(render_mode="rgb_array")
    _, start = env.reset(seed=0)
    assert env.unwrapped.trajectory is None
    door = door_of(start["door"])
    # Half the swing: a door at its stop may be behind it by a milliradian, before clipping.
    _, _, _, _, info = env.step(oracle_action(door) * np.array([1, 1, 0.5, 1], np.float32))
    trajectory = env.unwrapped.trajectory
    assert trajectory.ndim == 1
    assert 0.1 < trajectory[-1] < 0.9 * door.opening_limit
    assert trajectory[-1] == pytest.approx(info["joint_position"], abs=1e-6)


def test_door_bandit_env_without_render_mode_records_nothing(make):
    env = make()
    env.reset(seed=0)
    env.step(env.action_space.sample())
    assert env.unwrapped.trajectory is None
    with pytest.warns(UserWarning, match="render_mode"):
        assert env.unwrapped.render() is None


@pytest.mark.parametrize(
    "settings",
    [
        {"horizon": 0},
        {"frames": 0},
        {"image_size": 2},
        {"prior": "nonesuch"},
        {"simulator": "nonesuch"},
    ],
)
def test_door_bandit_env_rejects_invalid_settings(make, settings):
    with pytest.raises(ConfigError):
        make(**settings)


@pytest.mark.parametrize("settings", [{"image_size": 32}, {"frames": 4}])
def test_recorded_frames_must_match_settings(make, recorded, settings):
    with pytest.raises(ConfigError, match="recorded"):
        make(doors_from=recorded, **settings)


def test_reset_rejects_door_of_another_split(make, recorded):
    other = int(DoorDataset.open(recorded).indices("train")[0])
    with pytest.raises(ConfigError, match="split 'test'"):
        make(doors_from=recorded).reset(options={"door": other})


def test_step_before_reset_is_rejected(make):
    with pytest.raises(ConfigError, match="reset"):
        make().unwrapped.step(np.zeros(4, np.float32))
