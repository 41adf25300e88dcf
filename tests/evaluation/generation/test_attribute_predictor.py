"""The attribute predictor, on doors that are drawn as bars."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from doorlab.errors import ConfigError
from doorlab.evaluation.generation.attribute_predictor import (
    AttributePredictions,
    AttributePredictor,
    train_attribute_predictor,
)
from doorlab.evaluation.generation.attribute_scores import (
    OPEN_ANGLE,
    STATISTICS,
    attribute_scores,
    attribute_statistics,
)

SIZE, FRAMES = 32, 6


def bars(count, seed=0):
    """Doors as bars: its side is the handedness, its width the angle, its brightness the swing."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0.0, 1.5, (count, FRAMES))
    right, push = rng.integers(0, 2, count), rng.integers(0, 2, count)
    images = rng.integers(0, 60, (count, FRAMES, SIZE, SIZE, 3))
    for door in range(count):
        for frame in range(FRAMES):
            width = 2 + round(8 * angle[door, frame])
            bar = slice(SIZE - width, SIZE) if right[door] else slice(0, width)
            images[door, frame, 8:24, bar] += 90 + 90 * push[door]
    return images.astype(np.uint8), {"joint_angle": angle, "handedness": right, "swing": push}


@pytest.fixture(scope="module")
def predictor():
    images, labels = bars(200)
    return train_attribute_predictor(images, labels, steps=150)


def test_attribute_predictor_recovers_attributes_of_bars(predictor):
    images, labels = bars(100, seed=1)
    scores = attribute_scores(predictor.predict(images), labels)
    assert scores["joint_angle"].mean > 0.95
    assert scores["handedness"].mean == scores["swing"].mean == 1.0
    assert scores["swing"].n == 100


def test_attribute_predictor_mirror_changes_side_alone(predictor):
    images, _ = bars(100, seed=1)
    plain, mirrored = (predictor.predict(x) for x in (images, images[..., ::-1, :]))
    assert ((plain.handedness > 0) != (mirrored.handedness > 0)).mean() > 0.98
    assert ((plain.swing > 0) == (mirrored.swing > 0)).mean() > 0.98
    assert np.abs(plain.joint_angle - mirrored.joint_angle).mean() < 0.1


def test_frames_are_predicted_on_their_own(predictor):
    images, _ = bars(100, seed=1)  # in several batches
    whole, one = predictor.predict(images), predictor.predict(images[99:, :1])
    assert whole.joint_angle.shape == (100, FRAMES)
    for name in ("joint_angle", "handedness", "swing"):
        found, alone = getattr(whole, name)[99, 0], getattr(one, name)[0, 0]
        assert found == pytest.approx(alone, abs=1e-4)


def test_attribute_loss_is_squared_error_and_cross_entropies():
    torch.manual_seed(0)
    model, x = AttributePredictor(SIZE, 0.5, 2.0), torch.rand(2, 3, 3, SIZE, SIZE)
    angles = torch.tensor([[0.5, 1.0, 1.5], [math.nan] * 3])  # the second slides
    labels = {
        "joint_angle": angles,
        "handedness": torch.tensor([0.0, 1.0]),
        "swing": torch.tensor([1.0, 1.0]),
    }
    angle, side, swing = model(x).unbind(-1)
    expected = ((angle[0] - torch.tensor([0.0, 0.25, 0.5])) ** 2).mean()
    expected = expected - torch.stack([F.logsigmoid(-side[0]), F.logsigmoid(side[1])]).mean()
    expected = expected - F.logsigmoid(swing).mean()
    torch.testing.assert_close(model.loss(x, labels), expected)


def test_attribute_predictor_is_deterministic_given_seed():
    images, labels = bars(20)
    state = torch.get_rng_state()
    found = [train_attribute_predictor(images, labels, 3, seed).predict(images) for seed in (1, 1)]
    other = train_attribute_predictor(images, labels, 3, seed=2).predict(images)
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(found[0].swing, found[1].swing)
    assert not np.array_equal(found[0].swing, other.swing)


def test_doors_without_an_angle_can_be_trained_on():
    images, labels = bars(20)
    labels["joint_angle"][:] = math.nan
    predictor = train_attribute_predictor(images, labels, 3)
    assert np.isfinite(predictor.predict(images).joint_angle).all()


def test_attribute_predictor_rejects_empty_set():
    with pytest.raises(ConfigError, match="training doors for the attribute predictor"):
        train_attribute_predictor(np.zeros((0, 2, SIZE, SIZE, 3), np.uint8), {})


def predictions(angle, right, push):
    return AttributePredictions(*(np.asarray(v, float) for v in (angle, right, push)))


TRUE = {
    "joint_angle": np.array([[0.0, 1.0], [0.5, 1.5], [0.0, 0.0]]),
    "handedness": np.array([0, 1, 1]),
    "swing": np.array([0, 0, 1]),
}


def test_perfect_and_constant_predictions_score_one_and_zero():
    sign = 2.0 * TRUE["handedness"][:, None] - 1.0
    perfect = predictions(TRUE["joint_angle"], sign.repeat(2, 1), [[-1, -1], [-1, -1], [1, 1]])
    assert [s.mean for s in attribute_scores(perfect, TRUE).values()] == [1.0, 1.0, 1.0]
    constant = predictions(np.full((3, 2), 0.5), np.ones((3, 2)), np.ones((3, 2)))
    found = attribute_scores(constant, TRUE)
    assert found["joint_angle"].mean == pytest.approx(0.0, abs=1e-6)  # the mean of the true angles
    assert found["handedness"].mean == pytest.approx(2 / 3)
    assert found["swing"].mean == pytest.approx(1 / 3)


def test_r2_is_that_of_scikit_learn():
    from sklearn.metrics import r2_score

    rng = np.random.default_rng(0)
    true = rng.normal(size=(40, 5))
    found = predictions(true + rng.normal(size=(40, 5)), true, true)
    labels = {"joint_angle": true, "handedness": np.ones(40), "swing": np.ones(40)}
    expected = r2_score(true.ravel(), found.joint_angle.ravel())
    assert attribute_scores(found, labels)["joint_angle"].mean == pytest.approx(expected)


def test_handedness_of_door_uses_all_frames():
    found = predictions(np.zeros((1, 3)), [[-1.0, -1.0, 5.0]], [[1.0, 1.0, -5.0]])
    labels = {"joint_angle": np.zeros((1, 3)), "handedness": np.ones(1), "swing": np.zeros(1)}
    scores = attribute_scores(found, labels)
    assert scores["handedness"].mean == scores["swing"].mean == 1.0


def test_sliding_doors_have_no_part_in_r2_and_equal_angles_have_none():
    true = TRUE["joint_angle"].copy()
    true[0] = math.nan
    found = predictions(TRUE["joint_angle"], np.zeros((3, 2)), np.zeros((3, 2)))
    assert attribute_scores(found, TRUE | {"joint_angle": true})["joint_angle"].n == 2
    equal = attribute_scores(found, TRUE | {"joint_angle": np.ones((3, 2))})["joint_angle"]
    assert math.isnan(equal.mean)
    assert equal.undefined == "all joint angles are equal"


def test_statistics_of_set_predictions():
    angle = [[0.0, 1.0], [0.3, 0.3], [OPEN_ANGLE / 2, 0.5], [0.2, 0.4]]
    right = [[2.0, 2.0], [-3.0, 1.0], [-1.0, -1.0], [4.0, -1.0]]
    push = [[9.0, 9.0]] * 4
    found = attribute_statistics(predictions(angle, right, push))
    assert tuple(found) == STATISTICS
    mean = {name: estimate.mean for name, estimate in found.items()}
    assert mean["open_frames"] == 6 / 8
    assert mean["left_hinges"] == 0.5
    assert mean["pull_doors"] == 0.0
    log_odds = np.array([2.0, -1.0, -1.0, 1.5])
    assert mean["handedness_confidence"] == pytest.approx((1 / (1 + np.exp(-abs(log_odds)))).mean())
    assert mean["swing_confidence"] == pytest.approx(1 / (1 + math.exp(-9)))
    assert mean["handedness_agreement"] == 6 / 8
    assert mean["angle_std"] == pytest.approx((0.5 + 0.0 + (0.5 - OPEN_ANGLE / 2) / 2 + 0.1) / 4)
