"""Videos against still images of the same moments, and against the segmented handle."""

import sys
from itertools import pairwise
from types import ModuleType

import gymnasium
import numpy as np
import pytest
from doorlab_envs.core import still_view
from doorlab_envs.videos import VIDEO_FRAMES, InteractionVideo
from gymnasium.utils.env_checker import check_env
from helpers.recorded_doors import door_of

from doorlab.doors import oracle_action
from doorlab.doors.geometry import PARTS, grip_point
from doorlab.sim import RenderOptions, make_simulator

PUSH = np.array([0.1, 0.2, -0.9, 0.9], np.float32)


@pytest.fixture(scope="module")
def simulator():
    made = make_simulator()
    yield made
    made.close()


@pytest.fixture
def make(env_id):
    made = []

    def _make(render_mode="rgb_array_list", **settings):
        settings = {"frames": 1, "image_size": 16, "render_mode": render_mode, **settings}
        made.append(gymnasium.make(env_id, **settings))
        return made[-1]

    yield _make
    for env in made:
        env.close()


def without_hand(image, door, hand):
    """The image without the surroundings of the hand's disc."""
    x, y = still_view(door).project(np.array([grip_point(door)]) + hand, len(image))[0]
    rows, columns = np.mgrid[: len(image), : len(image)]
    far = np.hypot(columns + 0.5 - x, rows + 0.5 - y) > 8
    return image * far[..., None]


def test_video_env_passes_gymnasium_checker(make):
    check_env(make().unwrapped)  # warnings are errors here


def test_interaction_video_starts_closed_and_ends_at_final_position(make, simulator):
    films, stills = make(), make("rgb_array")
    for env in (films, stills):
        _, info = env.reset(seed=0)
    door = door_of(info["door"])
    (shut,) = films.render()
    np.testing.assert_array_equal(shut, stills.render())
    action = oracle_action(door)
    for env in (films, stills):
        assert env.step(action)[1] == pytest.approx(1.0)
    film = films.render()
    assert len(film) == VIDEO_FRAMES
    np.testing.assert_array_equal(without_hand(film[0], door, 0), without_hand(shut, door, 0))
    end = simulator.interact([door], action[None, None], record=True).hands[0, 0, -1]
    ends = [without_hand(image, door, end) for image in (film[-1], stills.render())]
    np.testing.assert_array_equal(*ends)
    changes = [np.abs(b.astype(int) - a).mean() for a, b in pairwise(film)]
    assert max(changes[8:16]) > max(changes[:2])  # it is fastest in the middle


def test_render_returns_frames_since_last_call(make):
    """As of Gymnasium's own `RenderCollection`."""
    env = make()
    env.reset(seed=0)
    for _ in range(2):
        env.step(PUSH)
    both = env.render()
    assert len(both) == 1 + 2 * VIDEO_FRAMES
    np.testing.assert_array_equal(both[1 : 1 + VIDEO_FRAMES], both[1 + VIDEO_FRAMES :])
    assert env.render() == []
    env.step(PUSH)
    env.reset(seed=0)
    assert len(env.render()) == 1


def test_record_video_keeps_last_frame_of_every_interaction(make, tmp_path, monkeypatch):
    """Its other frames are kept by `RecordInteractionVideo`."""
    monkeypatch.setitem(sys.modules, "moviepy", ModuleType("moviepy"))  # it would only encode
    env = gymnasium.wrappers.RecordVideo(make(), str(tmp_path / "films"), lambda episode: True)
    assert env.frames_per_sec == 12
    env.reset(seed=0)
    env.step(PUSH)
    assert [frame.shape for frame in env.recorded_frames] == [(256, 256, 3)] * 2
    assert len(env.render_history) == 1 + VIDEO_FRAMES
    np.testing.assert_array_equal(env.recorded_frames[1], env.render_history[-1])
    env.recorded_frames = []


def test_vector_env_renders_video_of_every_door(env_id):
    settings = {"frames": 1, "image_size": 16, "render_mode": "rgb_array_list"}
    found = {}
    for mode in ("sync", "vector_entry_point"):
        env = gymnasium.make_vec(env_id, num_envs=2, vectorization_mode=mode, **settings)
        env.reset(seed=3)
        env.step(np.stack([PUSH, -PUSH]))
        found[mode] = env.render()
        env.close()
    assert [len(film) for film in found["sync"]] == [1 + VIDEO_FRAMES] * 2
    np.testing.assert_array_equal(found["vector_entry_point"], found["sync"])


def test_interaction_video_draws_hand_on_handle_until_release(simulator):
    door = door_of(0)
    view = still_view(door)
    plain = simulator.render(
        [door], np.zeros((1, 1)), [[view]], 256, RenderOptions(segmentation=True)
    )
    hands = np.array([[0, 0, 0], [np.nan] * 3], np.float32)
    held, free = InteractionVideo(np.zeros(2, np.float32), hands).render(simulator, door, view, 256)
    np.testing.assert_array_equal(free, plain.images[0, 0])
    drawn = (held != free).any(axis=-1)
    handle = plain.segmentation[0, 0] == PARTS.index("handle")
    assert 40 < drawn.sum() < 150
    assert (drawn & handle).any()
    away = np.argwhere(drawn).mean(axis=0) - np.argwhere(handle).mean(axis=0)
    assert np.hypot(*away) < 12  # pixels: a lever's middle is beside its axis


def test_interaction_video_hides_hand_after_slip(simulator):
    door = door_of(0)
    wrong = oracle_action(door) * np.array([1, 1, -1, 1], np.float32)
    done = simulator.interact([door], wrong[None, None], record=True)
    assert done.slipped.all()
    film = InteractionVideo.of_interaction(done, 0)
    held = np.isfinite(film.hands).all(axis=1)
    assert held[0]
    assert 2 <= held.sum() < VIDEO_FRAMES
    assert not held[held.argmin() :].any()
