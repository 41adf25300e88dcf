"""Components as classifiers, on embeddings that mix known factors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from doorlab.evaluation.probes.components import component_accuracy
from doorlab.nn.independent_components import independent_components

MIXING = np.linalg.qr(np.random.default_rng(9).normal(size=(5, 5)))[0]


def doors(count, seed, overlap=0.05):
    """Embeddings of doors and of their mirror images, and their classes.

    The factors are the side, the swing, the place, the size, and the height.
    """
    rng = np.random.default_rng(seed)
    side, swing = rng.integers(2, size=(2, count))
    place, size, height = rng.uniform(-1, 1, size=(3, count))
    factors = np.stack([2.0 * side - 1, 2.0 * swing - 1, place, size, height], axis=1)
    factors[:, :2] += overlap * rng.normal(size=(count, 2))
    other = factors * [-1, 1, -1, 1, 1]
    return factors @ MIXING, other @ MIXING, {"handedness": side, "swing": swing}


@pytest.fixture(scope="module")
def found():
    return independent_components(*doors(1500, 0)[:2], 1e-3)


def accuracy(found, validation, test):
    return component_accuracy(found, validation[0], test[0], validation[2], test[2])


def test_components_classify_side_and_swing_without_labels(found):
    correct = accuracy(found, doors(60, 1), doors(300, 2))
    assert {name: values.shape for name, values in correct.items()} == {
        "handedness": (300,), "swing": (300,),
    }  # fmt: skip
    assert correct["handedness"].mean() > 0.97
    assert correct["swing"].mean() > 0.97


def test_components_are_as_accurate_as_the_factor_allows(found):
    """Side and swing with noise of standard deviation 1: Phi(1) = 0.841 of the signs are right."""
    correct = accuracy(found, doors(200, 1, 1.0), doors(4000, 2, 1.0))
    np.testing.assert_allclose([c.mean() for c in correct.values()], 0.841, atol=0.03)


def test_names_of_classes_decide_the_sign_only(found):
    validation, test = doors(60, 1), doors(300, 2)
    swapped = [(*found_doors[:2], {k: 1 - v for k, v in found_doors[2].items()})
               for found_doors in (validation, test)]  # fmt: skip
    for name, values in accuracy(found, *swapped).items():
        np.testing.assert_array_equal(values, accuracy(found, validation, test)[name])


def test_targets_without_a_component_of_their_symmetry_are_left_out(found):
    even = replace(found, odd=np.zeros_like(found.odd))
    assert accuracy(even, doors(60, 1), doors(60, 2)).keys() == {"swing"}
