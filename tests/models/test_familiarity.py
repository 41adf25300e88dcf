"""Distances of embeddings against closed forms, and the share of false alarms."""

import numpy as np
import pytest

from doorlab.errors import CheckpointError
from doorlab.models.familiarity import (
    FALSE_ALARMS,
    fit_familiarity,
    load_familiarity,
    save_familiarity,
)
from doorlab.run_layout import FAMILIARITY_FILE

RNG = np.random.default_rng(0)
MIXING = np.diag([5.0, 3.0, 1.0, 1.0, 0.5, 0.3]) + 0.1 * RNG.normal(size=(6, 6))
NARROW = "doors of the prior narrow"


def embeddings(count, spread=1.0, shift=0.0):
    return (3.0 + spread * RNG.normal(size=(count, 6)) @ MIXING + shift).astype(np.float32)


@pytest.fixture(scope="module")
def known():
    held_out = [embeddings(400, spread) for spread in (2.0, 1.4, 1.0)]
    return fit_familiarity(NARROW, embeddings(3000), held_out)


def test_familiarity_distance_is_mahalanobis(known):
    x = embeddings(50)
    off = x - 3.0
    covariance = MIXING.T @ MIXING
    expected = np.sqrt(np.einsum("di,ij,dj->d", off, np.linalg.inv(covariance), off))
    np.testing.assert_allclose(known.distance(x), expected, rtol=0.1)


def test_familiarity_threshold_bounds_false_alarms(known):
    for frames, spread in ((1, 2.0), (2, 1.4), (3, 1.0)):
        alarms = (known.distance(embeddings(4000, spread)) > known.threshold(frames)).mean()
        assert alarms == pytest.approx(FALSE_ALARMS, abs=0.015)
    assert known.threshold(1) > known.threshold(2) > known.threshold(3) == known.threshold(99)


def test_familiarity_detects_unfamiliar_embeddings(known):
    assert (known.distance(embeddings(200, 1.0, 30.0)) > known.threshold(1)).mean() > 0.95


def test_familiarity_is_finite_for_constant_directions():
    """Embeddings with constant coordinates have a finite distance."""
    typical = embeddings(200)
    typical[:, 4:] = 1.0
    known = fit_familiarity(NARROW, typical, [typical[:50]])
    assert np.isfinite(known.distance(typical)).all()
    assert (known.distance(typical) <= 2 * known.threshold(1)).all()


def test_familiarity_threshold_of_few_doors_is_farthest_one():
    held_out = embeddings(20)
    known = fit_familiarity(NARROW, embeddings(500), [held_out])
    assert known.threshold(1) == known.distance(held_out).max()


def test_familiarity_round_trips_with_its_weights_only(known, tmp_path):
    assert load_familiarity(tmp_path, "blake2b:1") is None
    save_familiarity(tmp_path, known, "blake2b:1")
    again = load_familiarity(tmp_path, "blake2b:1")
    x = embeddings(5)
    np.testing.assert_array_equal(again.distance(x), known.distance(x))
    assert again.doors == NARROW
    with pytest.raises(CheckpointError, match="for the model's weights, but got a file for others"):
        load_familiarity(tmp_path, "blake2b:2")


@pytest.mark.parametrize("place", [10, 400, -30])
def test_load_familiarity_rejects_damaged_file_in_one_line(known, tmp_path, place):
    save_familiarity(tmp_path, known, "blake2b:1")
    data = bytearray((tmp_path / FAMILIARITY_FILE).read_bytes())
    data[place] ^= 64
    (tmp_path / FAMILIARITY_FILE).write_bytes(data)
    with pytest.raises(CheckpointError, match=r"remove the file to disable warnings") as caught:
        load_familiarity(tmp_path, "blake2b:1")
    assert "\n" not in str(caught.value)
