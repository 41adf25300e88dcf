"""Components of mixtures whose sources are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kurtosis

from doorlab.nn.independent_components import independent_components

ODD = (0, 2)  # sources that a mirror negates
EMBEDDING = 7


def sources(doors=2000, seed=0):
    """Hinge side, swing, place, size and a sparse feature: two binary, two uniform, one sparse."""
    rng = np.random.default_rng(seed)
    side, swing = rng.choice([-1.0, 1.0], size=(2, doors))
    place, size = rng.uniform(-1.0, 1.0, size=(2, doors))
    return np.stack([side, swing, place, size, rng.laplace(size=doors)], axis=1)


def mixed(values, noise=0.01, seed=1):
    """Embeddings in which the sources have very different scales."""
    rng = np.random.default_rng(seed)
    scales = np.array([0.2, 1.0, 3.0, 2.0, 1.0])
    mixing = np.linalg.qr(rng.normal(size=(EMBEDDING, EMBEDDING)))[0][:5]
    values = values * scales @ mixing + 4.0
    return values + noise * rng.normal(size=values.shape)


def mirror(values):
    signs = np.ones(5)
    signs[list(ODD)] = -1.0
    return values * signs


def correlations(found, embeddings, values):
    """Absolute correlations of components (rows) with sources (columns)."""
    components = found(embeddings)
    both = np.corrcoef(components.T, values.T)
    return np.abs(both[: components.shape[1], components.shape[1] :])


@pytest.mark.parametrize("symmetric", [True, False])
def test_components_are_the_sources(symmetric):
    values = sources()
    embeddings = mixed(values)
    mirrored = mixed(mirror(values), seed=1) if symmetric else None
    found = independent_components(embeddings, mirrored, 1e-4)
    assert (correlations(found, embeddings, values).max(axis=0) > 0.97).all()


def test_components_of_new_doors_are_their_sources():
    """Also of mirror images: a component keeps its sign, or changes it."""
    values = sources()
    found = independent_components(mixed(values), mixed(mirror(values)), 1e-4)
    fresh = sources(500, seed=7)
    assert (correlations(found, mixed(fresh, seed=1), fresh).max(axis=0) > 0.97).all()
    plain, other = (found(mixed(v, noise=0.0)) for v in (fresh, mirror(fresh)))
    signs = [np.corrcoef(a, b)[0, 1] for a, b in zip(plain.T, other.T, strict=True)]
    np.testing.assert_allclose(np.abs(signs), 1.0, atol=0.02)
    np.testing.assert_array_equal(np.array(signs) < 0, found.odd)
    assert found.odd.sum() == len(ODD)


def test_components_are_ordered_by_kurtosis():
    """Against SciPy; binary sources come first, the sparse one last."""
    values = sources()
    embeddings, mirrored = mixed(values), mixed(mirror(values))
    found = independent_components(embeddings, mirrored, 1e-4)
    components = found(np.concatenate([embeddings, mirrored]))
    expected = kurtosis(components, fisher=False)
    np.testing.assert_allclose(found.kurtosis, expected, rtol=0.05)
    assert (np.diff(found.kurtosis) >= 0).all()
    order = correlations(found, embeddings, values).argmax(axis=1)
    assert set(order[:2]) == {0, 1}
    assert order[-1] == 4
    np.testing.assert_allclose(components.std(axis=0), 1.0, rtol=1e-6)


def test_components_leave_out_small_directions():
    """The hinge side has 1 / 400 of the variance of the place."""
    values = sources()
    embeddings, mirrored = mixed(values), mixed(mirror(values))
    assert independent_components(embeddings, mirrored, 1e-4).matrix.shape == (EMBEDDING, 5)
    left = independent_components(embeddings, mirrored, 0.05)
    assert left.matrix.shape[1] == 4
    assert correlations(left, embeddings, values).max(axis=0)[0] < 0.2


@pytest.mark.parametrize("doors", [1, 2, 3])
def test_components_of_few_or_equal_doors_are_finite(doors):
    embeddings = mixed(sources(doors))
    for mirrored in (None, embeddings[::-1]):
        assert np.isfinite(independent_components(embeddings, mirrored, 1e-3).matrix).all()
    equal = np.ones((5, EMBEDDING))
    assert independent_components(equal, equal, 1e-3).matrix.shape == (EMBEDDING, 0)
