"""The feature network, on doors that are colors and frames that are brightnesses."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from doorlab.errors import ConfigError
from doorlab.evaluation.generation.frame_features import FEATURES, FrameFeatures, learn_features
from doorlab.evaluation.generation.two_sample import two_sample_score

SIZE = 32


def doors(count, frames=4, seed=0):
    """Each door a color, each frame a grey stripe at a place of its own, with noise."""
    rng = np.random.default_rng(seed)
    images = np.tile(rng.integers(40, 200, (count, 1, 1, 1, 3)), (1, frames, SIZE, SIZE, 1))
    for image in images.reshape(-1, SIZE, SIZE, 3):
        place = rng.integers(0, SIZE - 8)
        image[:, place : place + 8] = 128
        image += rng.integers(-20, 21, image.shape)
    return images.astype(np.uint8)


@pytest.fixture(scope="module")
def network():
    return learn_features(doors(60), steps=40)


def test_frame_features_loss_is_cross_entropy_of_pairs():
    torch.manual_seed(0)
    model, x = FrameFeatures(SIZE), torch.rand(5, 2, 3, SIZE, SIZE)
    found = model.compare(model.encoder(x))
    cosine = F.cosine_similarity(found[:, None, 0], found[None, :, 1], dim=-1) / 0.1
    expected = [(torch.logsumexp(s, dim=1) - s.diagonal()).mean() for s in (cosine, cosine.T)]
    torch.testing.assert_close(model.loss(x), sum(expected) / 2)


def test_frame_features_discriminate_new_doors(network):
    images = torch.from_numpy(doors(32, 2, seed=9)).movedim(-1, -3).float() / 255
    torch.manual_seed(0)
    with torch.no_grad():
        assert network.loss(images) < 0.5 * math.log(32)
        assert network.loss(images) < FrameFeatures(SIZE).loss(images)


def test_frame_features_have_expected_shapes(network):
    images = doors(5, 3)
    found = network.describe(images)
    assert set(found) == set(FEATURES)
    for values in found.values():
        assert values.shape[:2] == (5, 3)
        assert values.dtype == np.float64
    alone = network.describe(images[2, 1])
    np.testing.assert_allclose(alone["content"], found["content"][2, 1], atol=1e-5)


def test_texture_features_detect_blur(network):
    real, same, other = doors(80, seed=1), doors(80, seed=2), doors(80, seed=3)
    small = other.reshape(80, 4, SIZE // 4, 4, SIZE // 4, 4, 3).mean(axis=(3, 5))
    blurred = small.repeat(4, axis=2).repeat(4, axis=3).astype(np.uint8)
    described = [network.describe(x)["texture"] for x in (real, same, blurred)]
    assert two_sample_score(described[0], described[1]).accuracy.mean < 0.6
    assert two_sample_score(described[0], described[2]).accuracy.mean > 0.9


def test_learn_features_is_deterministic_given_seed():
    """The global random state is unchanged."""
    state = torch.get_rng_state()
    first, second, third = (learn_features(doors(8), 2, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    image = doors(1, 1)
    assert np.array_equal(first.describe(image)["content"], second.describe(image)["content"])
    assert not np.array_equal(first.describe(image)["content"], third.describe(image)["content"])


@pytest.mark.parametrize("shape", [(1, 4), (4, 1)])
def test_learn_features_rejects_one_door_or_one_frame(shape):
    with pytest.raises(ConfigError, match="at least two frames"):
        learn_features(np.zeros((*shape, SIZE, SIZE, 3), np.uint8))
