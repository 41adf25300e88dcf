"""Independent components of embeddings (ICA; Hyvärinen and Oja 2000), sorted by their kurtosis.

The context latent of a statistician is a linear mixture of what doors differ in. Factors that take
two values (hinge side, swing) or uniform ones (size, place) have a kurtosis below that of a normal
distribution, which is 3. Sums of factors are closer to 3, and features that only a few doors have
are above it. ICA therefore finds such factors without labels.

A mirror image tells more: it changes the sign of some factors (hinge side, place in the wall) and
leaves others (swing, size). The components of the odd and of the even part of the embeddings are
found separately.

Legend: D doors, E embedding, F features, K components.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

DEFAULT_FLOOR = 0.0001
"""Smallest fraction of the variance of a principal axis that is used."""

_RESTARTS = 3  # FastICA converges to a local optimum
_MAX_ITERATIONS = 500
_CONTRAST = "exp"  # robust (Hyvärinen and Oja 2000, section 4.2): finds binary factors more often
_RIDGE = 1e-6  # of the regression of components on embeddings, relative to their variance


@dataclass(frozen=True)
class IndependentComponents:
    """A linear map from embeddings to components of zero mean and unit variance."""

    center: Float64[np.ndarray, " E"]
    """Mean of the embeddings."""
    matrix: Float64[np.ndarray, "E K"]
    """Maps centered embeddings to components, in the order of their kurtosis."""
    kurtosis: Float64[np.ndarray, " K"]
    """Kurtosis of every component: 1 for two equally likely values, 1.8 for a uniform and 3 for a
    normal distribution."""
    odd: Bool[np.ndarray, " K"]
    """Whether a mirror changes the sign of a component."""

    def __call__(self, embeddings: Float64[np.ndarray, "D E"]) -> Float64[np.ndarray, "D K"]:
        """The components of embeddings."""
        return (embeddings - self.center) @ self.matrix


def independent_components(
    embeddings: Float64[np.ndarray, "D E"],
    mirrored: Float64[np.ndarray, "D E"] | None,
    floor: float,
) -> IndependentComponents:
    """Finds at most E independent components of embeddings.

    Args:
        embeddings: embeddings of doors.
        mirrored: embeddings of their mirror images; None for components without symmetry.
        floor: principal axes with a smaller fraction of the total variance are left out.
    """
    everything = embeddings if mirrored is None else np.concatenate([embeddings, mirrored])
    center = everything.mean(axis=0)
    plain = embeddings - center
    if mirrored is None:
        parts, num_odd = [_components(plain, floor)], 0
    else:
        other = mirrored - center
        even, odd = (plain + other) / 2.0, (plain - other) / 2.0
        odd_components = _components(np.concatenate([odd, -odd]), floor)
        even_components = _components(even - even.mean(axis=0), floor)
        parts = [odd_components, np.concatenate([even_components] * 2)]
        num_odd = odd_components.shape[1]
    components = np.concatenate(parts, axis=1)
    kurtosis = _kurtosis(components)
    order = np.argsort(kurtosis, kind="stable")[: embeddings.shape[1]]
    matrix = _regression(everything - center, components[:, order])
    return IndependentComponents(center, matrix, kurtosis[order], order < num_odd)


def _components(values: Float64[np.ndarray, "D F"], floor: float) -> Float64[np.ndarray, "D K"]:
    """Components of centered values: the restart with the smallest kurtosis."""
    white = _whitened(values, floor)
    if white.shape[1] < 2:
        return white
    found = [_fast_ica(white, seed) for seed in range(_RESTARTS)]
    return min(found, key=lambda components: _kurtosis(components).min())


def _whitened(values: Float64[np.ndarray, "D F"], floor: float) -> Float64[np.ndarray, "D K"]:
    variance, axes = np.linalg.eigh(values.T @ values / len(values))
    kept = variance > max(floor * variance.sum(), 1e-12)
    return values @ axes[:, kept] / np.sqrt(variance[kept])


def _fast_ica(white: Float64[np.ndarray, "D F"], seed: int) -> Float64[np.ndarray, "D K"]:
    from sklearn.decomposition import FastICA  # imported late: it takes a second
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the best restart is used
        method = FastICA(
            whiten="unit-variance", fun=_CONTRAST, random_state=seed, max_iter=_MAX_ITERATIONS,
            tol=1e-3,
        )  # fmt: skip
        return np.asarray(method.fit_transform(white))


def _kurtosis(components: Float64[np.ndarray, "D K"]) -> Float64[np.ndarray, " K"]:
    variance = np.mean(components**2, axis=0)
    return np.mean(components**4, axis=0) / np.maximum(variance, 1e-12) ** 2


def _regression(
    embeddings: Float64[np.ndarray, "D E"], components: Float64[np.ndarray, "D K"]
) -> Float64[np.ndarray, "E K"]:
    """The linear map from embeddings to components, scaled to components of unit variance."""
    products = embeddings.T @ embeddings
    ridge = max(_RIDGE * float(np.trace(products)), 1e-12)
    matrix = np.linalg.solve(products + ridge * np.eye(len(products)), embeddings.T @ components)
    return matrix / np.maximum((embeddings @ matrix).std(axis=0), 1e-12)
