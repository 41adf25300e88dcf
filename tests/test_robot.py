import contextlib
import copy
import importlib.util
import pickle

import numpy as np
import pytest
import torch
from helpers.predictors import (
    PULL,
    QUICK,
    SIZE,
    SLIDE,
    SMALL,
    decisions,
    model_of,
    predictor_of,
    random_frames,
)
from PIL import Image

import doorlab
from doorlab.bandit import History
from doorlab.bandit.policies import ModelConfig, ModelPolicy
from doorlab.doors import Action
from doorlab.doors.action import MAX_SWING, MAX_TURN
from doorlab.errors import CheckpointError, ConfigError, ResultError
from doorlab.models.familiarity import fit_familiarity
from doorlab.models.io import save_model
from doorlab.robot import RewardPredictor
from doorlab.seeding import stream


@pytest.fixture
def run(tmp_path):
    save_model(tmp_path / "run", model_of(), "ssnp", SIZE, SMALL)
    return tmp_path / "run"


@pytest.fixture(scope="module")
def unchecked():
    """The module of the predictor, without the checker of types that tests run under.

    That would refuse values of other types in words of its own.
    """
    spec = importlib.util.spec_from_file_location("unchecked_robot", doorlab.robot.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("choice", ["greedy", "ucb", "thompson"])
def test_reward_predictor_suggests_actions_of_bandit_policy(choice):
    model = model_of().eval()
    predictor = predictor_of(model, seed=5)
    policy = ModelPolicy(model, ModelConfig(choice=choice, kappa=2.0, search=QUICK))
    policy.begin(random_frames()[None], stream(5, "policy"))
    history = History.empty(1)
    for reward in (0.0, 0.3, 0.1):
        expected = policy.act(history)
        assert predictor.suggest(choice, kappa=2.0) == Action.from_normalized(expected[0])
        history = history.extended(expected, np.array([reward], np.float32))
        predictor.record(expected[0], reward)


@pytest.mark.parametrize("around", [contextlib.nullcontext, torch.inference_mode])
@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda predictor: pickle.loads(pickle.dumps(predictor))]
)
def test_reward_predictor_copy_continues_identically(duplicate, around):
    predictor = predictor_of()
    predictor.record(PULL, 0.4)
    with around():
        other = duplicate(predictor)
    assert decisions(other, 1) == decisions(predictor, 1)


def test_reward_predictor_accepts_inference_mode_and_other_dtype():
    with torch.inference_mode():
        model = model_of()
    expected = predictor_of().suggest("ucb")
    assert predictor_of(model).suggest("ucb") == expected
    assert predictor_of(model_of().double()).suggest("ucb") == expected


def test_reward_predictor_predicts_rewards_of_model():
    model = model_of().eval()
    predictor = predictor_of(model)
    predictor.record(PULL, 0.4)
    mean, std = predictor.predict([PULL, SLIDE])
    policy = ModelPolicy(model)
    policy.begin(random_frames()[None], np.random.default_rng(0))
    tried = History(PULL.to_normalized()[None, None], np.array([[0.4]], np.float32))
    at = np.stack([PULL.to_normalized(), SLIDE.to_normalized()])
    expected = policy.predict(tried, at[None])
    np.testing.assert_array_equal(mean, expected[0][0])
    np.testing.assert_array_equal(std, expected[1][0])
    assert mean.shape == std.shape == (2,)
    assert (std > 0).all()
    np.testing.assert_array_equal(predictor.predict(at)[0], mean)  # normalized ones alike


def test_reward_predictor_conditions_on_interactions_until_next_door():
    predictor = predictor_of()
    before = predictor.predict([PULL])
    predictor.record(PULL, 1.0)
    assert predictor.predict([PULL])[0] != before[0]
    assert [(round(a.radius, 4), r) for a, r in predictor.interactions] == [(0.8, 1.0)]
    predictor.observe(random_frames())
    assert predictor.predict([PULL]) == before
    assert predictor.interactions == []


def test_reward_predictor_resizes_frames_to_model():
    small = random_frames()
    large = small.repeat(5, axis=1).repeat(5, axis=2)
    wide = np.pad(large, [(0, 0), (0, 0), (7, 7), (0, 0)])
    expected = predictor_of(frames=False)
    expected.observe(small)
    for frames in (large, wide, list(large), [small[0], wide[1], large[2]]):
        predictor = predictor_of(frames=False)
        predictor.observe(frames)
        assert predictor.predict([PULL]) == expected.predict([PULL])
    padded = predictor_of(frames=False)
    padded.observe(wide, fit="pad")
    assert padded.predict([PULL]) != expected.predict([PULL])


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (random_frames()[0], r"\(H, W, 3\), but got \(32, 3\)"),
        (random_frames().transpose(0, 3, 1, 2), r"got \(3, 32, 32\)"),
        (random_frames() / 255.0, "uint8, from 0 to 255, but got float64"),
        (random_frames()[:0], "at least one frame"),
        (random_frames(size=(0, 16)), r"got \(0, 16, 3\)"),
    ],
)
def test_reward_predictor_rejects_invalid_frames(frames, message):
    predictor = predictor_of()
    predictor.record(PULL, 0.5)
    with pytest.raises(ConfigError, match=message):
        predictor.observe(frames)
    assert len(predictor.interactions) == 1


@pytest.mark.parametrize(
    ("action", "reward", "message"),
    [
        (PULL, 1.2, "a reward as a number from 0 to 1, but got 1.2"),
        (PULL, float("nan"), "a reward"),
        (np.zeros(3), 0.5, r"4 numbers in \[-1, 1\]"),
        (np.array([0.0, np.nan, 0.0, 0.0]), 0.5, r"4 numbers in \[-1, 1\]"),
    ],
)
def test_reward_predictor_rejects_invalid_interactions(action, reward, message):
    predictor = predictor_of()
    with pytest.raises(ConfigError, match=message):
        predictor.record(action, reward)
    assert predictor.interactions == []


def test_reward_predictor_clips_physical_actions_only():
    predictor = predictor_of()
    predictor.record(Action(phi=4.0, radius=0.8, swing=2.5, turn=-3.0), 0.5)
    ((action, _),) = predictor.interactions
    assert (action.swing, action.turn) == (MAX_SWING, -MAX_TURN)
    assert np.exp(1j * action.phi) == pytest.approx(np.exp(4j), abs=1e-6)
    with pytest.raises(ConfigError, match=r"got an array that contains 3\.14. Scale it"):
        predictor.record(np.array([3.14, 0.8, 1.5, 0.7]), 0.5)
    assert len(predictor.interactions) == 1


@pytest.mark.parametrize(
    "call",
    [
        lambda p, folder: p.suggest(),
        lambda p, folder: p.predict([PULL]),
        lambda p, folder: p.record(PULL, 0.5),
        lambda p, folder: p.save(folder),
    ],
)
def test_reward_predictor_needs_observation_first(call, tmp_path):
    with pytest.raises(ConfigError, match="observe"):
        call(predictor_of(frames=False), tmp_path)
    assert list(tmp_path.iterdir()) == []


NO_REWARD = "a reward as a number from 0 to 1, but got"
NO_ACTION = r"an action of 4 numbers in \[-1, 1\], but got"
NO_PATH = "a path, but got"


@pytest.mark.parametrize(
    ("method", "arguments", "message"),
    [
        ("observe", (None,), "images as arrays, but got None. Open image files first"),
        ("observe", ("door.png",), "images as arrays, but got 'door.png'. Open image files first"),
        ("observe", (3,), "a sequence of frames, but got int. Put a single image into a list"),
        ("observe", (Image.new("RGB", (8, 8)),), "a sequence of frames, but got Image"),
        ("observe", ([None],), "frames of uint8, from 0 to 255, but got NoneType"),
        ("observe", (["door.png"],), "frames of uint8, from 0 to 255, but got str"),
        ("observe", ([Image.new("RGBA", (8, 8))],), r"got \(8, 8, 4\). Give RGB, .*convert"),
        ("observe", ([[[1, 2], [3]]],), "frames of uint8, from 0 to 255, but got list"),
        ("observe", (random_frames(), "stretch"), "fit as crop or pad, but got 'stretch'"),
        ("suggest", ("best",), "a choice out of greedy, thompson, ucb, but got 'best'"),
        (
            "predict",
            (PULL,),
            r"a sequence of actions, but got Action. .* Put a single action into a list",
        ),
        ("predict", (None,), "a sequence of actions, but got NoneType"),
        ("predict", ("ab",), "a sequence of actions, but got str"),
        ("predict", (np.zeros(4),), "actions of 4 numbers in .* each, but got an array of shape"),
        ("predict", ([PULL, None],), f"{NO_ACTION} an array of object"),
        ("record", ("x", 0.5), NO_ACTION),
        ("record", (None, 0.5), NO_ACTION),
        (
            "record",
            ((3.14, 0.8, 1.5, 0.7), 0.5),
            f"{NO_ACTION} an array that contains 3.14. Scale it",
        ),
        ("record", (PULL, None), f"{NO_REWARD} None"),
        ("record", (PULL, "x"), f"{NO_REWARD} 'x'"),
        ("record", (PULL, np.array([0.5])), NO_REWARD),
        ("record", (PULL, True), f"{NO_REWARD} True"),
        ("save", (None,), f"{NO_PATH} None"),
        ("restore", (3,), f"{NO_PATH} 3"),
    ],
)
def test_reward_predictor_rejects_wrong_types_in_one_line(unchecked, method, arguments, message):
    predictor = unchecked.RewardPredictor(model_of(), SIZE, search=QUICK)
    predictor.observe(random_frames())
    predictor.record(PULL, 0.5)
    with pytest.raises(ConfigError, match=message) as caught:
        getattr(predictor, method)(*arguments)
    assert "\n" not in str(caught.value)
    assert len(predictor.interactions) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "runs/ssnp"}, r"a reward model, but got a str. RewardPredictor\.load"),
        ({"seed": -1}, "seed as a whole number from 0 to 9223372036854775807, but got -1"),
        ({"seed": "x"}, "got 'x'"),
    ],
)
def test_reward_predictor_rejects_invalid_settings(unchecked, settings, message):
    with pytest.raises(ConfigError, match=message):
        unchecked.RewardPredictor(**{"model": model_of(), "image_size": SIZE, **settings})


def test_reward_predictor_rejects_non_finite_kappa():
    with pytest.raises(ConfigError, match="kappa as a finite number, but got nan"):
        predictor_of().suggest("ucb", kappa=np.nan)


def test_reward_predictor_accepts_pil_images_and_generators(unchecked):
    predictor, expected = (unchecked.RewardPredictor(model_of(), SIZE) for _ in range(2))
    expected.observe(random_frames())
    images = [Image.fromarray(frame) for frame in random_frames()]
    for frames in (images, (frame for frame in random_frames()), tuple(images)):
        predictor.observe(frames)
        assert predictor.predict([PULL]) == expected.predict([PULL])


@pytest.mark.parametrize("place", ["no/folder/door", ".", "x" * 300])
def test_reward_predictor_save_reports_unwritable_path_in_one_line(tmp_path, place):
    (tmp_path / "no").write_text("a file")
    with pytest.raises(ResultError) as caught:
        predictor_of().save(tmp_path / place)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("choice", ["greedy", "ucb", "thompson"])
def test_reward_predictor_repeats_suggestion_until_recording(choice, tmp_path):
    predictor = predictor_of(seed=2)
    first = predictor.suggest(choice)
    for other in ("ucb", "thompson", "greedy"):
        predictor.suggest(other)  # in whatever order one asks
    assert predictor.suggest(choice) == first
    predictor.save(tmp_path / "door")
    again = predictor_of(seed=3)
    again.restore(tmp_path / "door")
    assert again.suggest(choice) == first
    for one in (predictor, again):
        one.record(first, 0.0)
    assert predictor.suggest(choice) == again.suggest(choice) != first


def test_reward_predictor_repr_describes_state():
    predictor = predictor_of(frames=False)
    assert repr(predictor) == "RewardPredictor(SSNP, frames of 32 pixels, on cpu; no door observed)"
    predictor.observe(random_frames())
    predictor.record(PULL, 0.0)
    assert repr(predictor).endswith("; a door with 1 interaction)")


def test_reward_predictor_warning_names_line_of_caller(unchecked):
    held_out = [np.zeros((20, SMALL.context_dim))]
    known = fit_familiarity("doors of nobody", np.zeros((20, SMALL.context_dim)), held_out)
    predictor = unchecked.RewardPredictor(model_of(), SIZE, familiarity=known)
    with pytest.warns(unchecked.UnfamiliarDoorWarning, match="unlike the doors of nobody") as said:
        predictor.observe(random_frames())
    assert said[0].filename == __file__


def test_reward_predictor_rejects_thompson_without_latent():
    with pytest.raises(ConfigError, match="latent"):
        predictor_of(model_of("cnp")).suggest("thompson")


def test_reward_predictor_loads_trained_run(run):
    predictor = doorlab.RewardPredictor.load(run, seed=3)
    predictor.observe(random_frames(size=(48, 64)))
    same = RewardPredictor(model_of(), SIZE, seed=3)
    same.observe(random_frames(size=(48, 64)))
    assert predictor.suggest() == same.suggest()


def test_reward_predictor_rejects_model_without_rewards(tmp_path):
    save_model(tmp_path, model_of("vae"), "vae", SIZE, SMALL)
    with pytest.raises(CheckpointError, match=r"predicts rewards .*, but got a vae. Give a run of"):
        RewardPredictor.load(tmp_path)


def test_reward_predictor_rejects_missing_device(run):
    missing = "cpu:x" if torch.cuda.is_available() else "cuda"
    with pytest.raises(ConfigError, match="Use cpu"):
        RewardPredictor.load(run, device=missing)
