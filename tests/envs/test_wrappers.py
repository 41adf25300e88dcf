"""Gymnasium's wrappers around the door bandit, and doorlab's own."""

import av
import gymnasium
import numpy as np
import pytest
import torch
from doorlab_envs.videos import VIDEO_FRAMES
from doorlab_envs.wrappers import FramesAsChannels, RecordInteractionVideo
from gymnasium import spaces, wrappers

from doorlab.errors import ConfigError

SETTINGS = {"frames": 2, "image_size": 16, "horizon": 2}
PUSH = np.array([0.1, 0.2, -0.9, 0.9], np.float32)


@pytest.fixture
def make(env_id):
    made = []

    def _make(**settings):
        made.append(gymnasium.make(env_id, **{**SETTINGS, **settings}))
        return made[-1]

    yield _make
    for env in made:
        env.close()


@pytest.fixture
def plain(make):
    """The observation of the door of seed 4, and the rewards of three interactions with it."""
    env = make(horizon=9)
    observation, _ = env.reset(seed=4)
    return observation["images"], [env.step(PUSH * share)[1] for share in (1.0, 0.6, 0.3)]


def test_time_limit_truncates_before_horizon(make, plain):
    env = wrappers.TimeLimit(make(horizon=9), 2)
    env.reset(seed=4)
    assert [env.step(PUSH)[3] for _ in range(2)] == [False, True]


def test_record_episode_statistics_sums_rewards(make, plain):
    env = wrappers.RecordEpisodeStatistics(make(horizon=3))
    env.reset(seed=4)
    for share in (1.0, 0.6, 0.3):
        *_, info = env.step(PUSH * share)
    assert info["episode"]["r"] == pytest.approx(sum(plain[1]))
    assert info["episode"]["l"] == 3


def test_flatten_observation_keeps_every_pixel(make, plain):
    env = wrappers.FlattenObservation(make())
    observation, _ = env.reset(seed=4)
    assert observation in env.observation_space
    np.testing.assert_array_equal(observation, plain[0].ravel())


def test_transform_observation_concatenates_frames(make, plain):
    space = spaces.Box(0, 255, (16, 32, 3), np.uint8)
    env = wrappers.TransformObservation(make(), lambda o: np.hstack(o["images"]), space)
    observation, _ = env.reset(seed=4)
    assert observation in env.observation_space
    np.testing.assert_array_equal(observation[:, 16:], plain[0][1])


def test_frames_as_channels_stacks_frames_in_channels(make, plain):
    env = FramesAsChannels(make())
    observation, _ = env.reset(seed=4)
    assert env.observation_space.shape == (16, 16, 6)
    assert observation in env.observation_space
    np.testing.assert_array_equal(observation[..., 3:], plain[0][1])
    again, *_ = env.step(PUSH)
    np.testing.assert_array_equal(again, observation)
    remade = gymnasium.make(env.spec)
    assert remade.observation_space == env.observation_space
    remade.close()


def test_frames_as_channels_rejects_other_observations(make):
    with pytest.raises(ConfigError, match="Wrap doorlab/DoorBandit-v0 itself"):
        FramesAsChannels(FramesAsChannels(make()))


def test_clip_and_rescale_action_keep_actions(make, plain):
    clipped = wrappers.ClipAction(make())
    clipped.reset(seed=4)
    beyond = np.where([True, True, True, False], PUSH, 5.0)  # turn beyond its range
    expected = make()
    expected.reset(seed=4)
    assert clipped.step(beyond)[1] == expected.step(np.array([*PUSH[:3], 1.0], np.float32))[1]
    rescaled = wrappers.RescaleAction(make(), np.float32(0.0), np.float32(1.0))
    rescaled.reset(seed=4)
    assert rescaled.step((PUSH + 1) / 2)[1] == pytest.approx(plain[1][0], abs=1e-4)


def test_numpy_to_torch_converts_observations_and_actions(make, plain):
    pytest.importorskip("array_api_compat")
    env = wrappers.NumpyToTorch(make())
    observation, _ = env.reset(seed=4)
    assert torch.equal(observation["images"], torch.from_numpy(plain[0]))
    assert float(env.step(torch.from_numpy(PUSH))[1]) == pytest.approx(plain[1][0])


def test_record_interaction_video_writes_whole_episodes(make, tmp_path):
    env = make(render_mode="rgb_array_list")
    filmed = RecordInteractionVideo(env, tmp_path, episode_trigger=lambda episode: episode != 1)
    seen = []
    for _ in range(3):
        filmed.reset(seed=4)
        filmed.step(PUSH)
        seen = filmed.render()
        filmed.step(PUSH)
    filmed.reset(seed=4)  # nobody tries anything on the last door
    filmed.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"episode-{n}.mp4" for n in (0, 2, 3)]
    assert len(seen) == 1 + VIDEO_FRAMES
    with av.open(tmp_path / "episode-2.mp4") as film:
        assert film.streams.video[0].average_rate == 12
        found = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(found) == 1 + 2 * VIDEO_FRAMES
    assert np.abs(np.subtract(found[: len(seen)], seen, dtype=float)).mean() < 3  # it is lossy
    with av.open(tmp_path / "episode-3.mp4") as film:
        assert sum(1 for _ in film.decode(video=0)) == 1


def test_record_interaction_video_needs_render_mode(make, tmp_path):
    with pytest.raises(ConfigError, match="rgb_array_list"):
        RecordInteractionVideo(make(render_mode="rgb_array"), tmp_path)
