"""Density of a latent over the training doors, fitted after training.

The loss of a variational autoencoder does not make the aggregate posterior of a latent, the average
of the posteriors over all training doors, equal to its prior N(0, 1). A decoder has therefore not
been trained on most samples of the prior. Samples of a density that is fitted to the latents of the
training doors are close to what the decoder was trained on (ex-post density estimation: Ghosh et
al. 2020, From Variational to Deterministic Autoencoders, arXiv 1903.12436; Dai & Wipf 2019,
Diagnosing and Enhancing VAE Models, arXiv 1903.05789, fit a second VAE). The density is a mixture
of Gaussians with full covariances, as in Ghosh et al.

RUN/latent_density.safetensors  weights, means and scales of the mixture, and the checksum of the
                                model's weights

Legend: K Gaussians, Z dimensions of the latent, N latents of training doors, V of validation doors.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from doorlab.errors import ConfigError
from doorlab.models.fitted_files import FittedFile, load_fitted, save_fitted
from doorlab.run_layout import LATENT_DENSITY_FILE
from doorlab.runtime.torch_state import thread_defaults
from doorlab.seeding import integer_seed

COMPONENTS = (1, 2, 5, 10, 20)  # numbers of Gaussians to choose from

_KIND, _VERSION = "latent density", 1
_REMEDY = "train the model again, or remove the file to sample from the prior"
_REGULARIZATION = 1e-3  # added to the variances, as a share of the mean variance of a dimension
_FEWEST_HELD_OUT = 20  # validation latents; with fewer, BIC chooses the number of Gaussians
_SKLEARN_SEEDS = 2**32


@dataclass(frozen=True)
class LatentDensity:
    """Mixture of K Gaussians over a latent.

    Attributes:
        latent: name of the latent: "c" (one per door) or "z" (one per frame).
        doors: number of training doors that the mixture was fitted to.
        mirrored: whether it was fitted to their mirror images, too.
        weights: float64 (K,), probabilities of the Gaussians.
        means: float64 (K, Z).
        scales: float64 (K, Z, Z), lower Cholesky factors of the covariances.
    """

    latent: str
    doors: int
    mirrored: bool
    weights: Float[np.ndarray, " K"]
    means: Float[np.ndarray, "K Z"]
    scales: Float[np.ndarray, "K Z Z"]

    def __str__(self) -> str:
        """The density in words, for captions and results."""
        count = len(self.weights)
        mixture = "a Gaussian" if count == 1 else f"a mixture of {count} Gaussians"
        mirrored = " and their mirror images" if self.mirrored else ""
        return f"{mixture} fitted to {self.doors:,} training doors{mirrored}"

    def sample(
        self, like: Float[Tensor, "*batch Z"], generator: torch.Generator | None = None
    ) -> Float[Tensor, "*batch Z"]:
        """Independent samples in the shape, dtype and device of `like`.

        Equal states of `generator`, which is on the same device, give equal samples.
        """
        weights, means, scales = (
            torch.from_numpy(array).to(like) for array in (self.weights, self.means, self.scales)
        )
        noise = torch.randn(like.shape, generator=generator, device=like.device, dtype=like.dtype)
        count = noise[..., 0].numel()
        chosen = torch.multinomial(weights, count, replacement=True, generator=generator)
        flat = noise.reshape(count, -1)
        samples = means[chosen]
        for k in range(len(weights)):  # at most K products of matrices instead of N copies of them
            samples[chosen == k] += flat[chosen == k] @ scales[k].T
        return samples.view(like.shape)


def fit_latent_density(
    latent: str,
    doors: int,
    train: Float[np.ndarray, "N Z"],
    held_out: Float[np.ndarray, "V Z"],
    *,
    mirrored: bool = False,
    seed: int = 0,
) -> LatentDensity:
    """Fits a mixture to latents of training doors.

    The number of Gaussians is one of `COMPONENTS`: the fewest with a likelihood of the held-out
    latents that is within one standard error of the highest (`fewest_components`); with fewer than
    20 of these latents, the number with the lowest BIC (Schwarz 1978).

    Args:
        latent: name of the latent.
        doors: number of training doors that the latents belong to.
        train: latents of training doors.
        held_out: latents of validation doors.
        mirrored: whether the latents of mirror images are included.
        seed: seed of the first assignment to Gaussians.

    Raises ConfigError for fewer than two latents, and for latents that are not finite.
    """
    if len(train) < 2 or not np.isfinite(train).all():
        got = f"{len(train)}" if len(train) < 2 else "NaN or infinity"
        raise ConfigError(
            "finite latents of two or more doors to fit a density to", got,
            "train on more doors, or with a lower learning rate",
        )  # fmt: skip
    train, held_out = train.astype(np.float64), held_out.astype(np.float64)
    fits = [_fitted(train, k, seed) for k in COMPONENTS if k == 1 or k <= len(train) // 2]
    if len(held_out) >= _FEWEST_HELD_OUT:
        best = fits[fewest_components([mixture.score_samples(held_out) for mixture in fits])]
    else:
        best = min(fits, key=lambda mixture: mixture.bic(train))
    scales = np.linalg.cholesky(best.covariances_)
    return LatentDensity(latent, doors, mirrored, best.weights_, best.means_, scales)


def fewest_components(log_densities: Sequence[Float[np.ndarray, " V"]]) -> int:
    """Position of the first mixture that is about as likely as the best, by the held-out latents.

    About as likely: the mean difference of the log-densities from the best mixture's is at most its
    standard error (one-standard-error rule: Breiman et al. 1984, section 3.4.3).

    Args:
        log_densities: of the held-out latents, one array per mixture, fewest Gaussians first.
    """
    best = max(log_densities, key=lambda values: float(values.mean()))
    losses = [best - values for values in log_densities]
    errors = [loss.std() / np.sqrt(len(loss)) for loss in losses]
    return next(i for i, loss in enumerate(losses) if loss.mean() <= errors[i])


def save_latent_density(folder: str | Path, density: LatentDensity, weights: str) -> None:
    """Writes the file into a run folder, with the checksum of the model's weights."""
    save_fitted(_file(folder), density, weights)


@thread_defaults()
def load_latent_density(folder: str | Path, weights: str) -> LatentDensity | None:
    """Reads the file of a run folder; returns None if there is none.

    Args:
        folder: run folder.
        weights: checksum of the model's weights.

    Raises CheckpointError if the file is damaged or belongs to other weights.
    """
    return load_fitted(_file(folder), LatentDensity, weights, _REMEDY)


def _file(folder: str | Path) -> FittedFile:
    return FittedFile(Path(folder) / LATENT_DENSITY_FILE, _KIND, _VERSION, "model")


def _fitted(values: Float[np.ndarray, "N Z"], components: int, seed: int) -> Any:
    """A mixture of that many Gaussians, fitted by expectation maximization from k-means."""
    from sklearn.exceptions import ConvergenceWarning  # imported late: it takes a second
    from sklearn.mixture import GaussianMixture

    mixture = GaussianMixture(
        components,
        reg_covar=_REGULARIZATION * max(float(values.var(axis=0).mean()), 1e-6),
        random_state=integer_seed(seed, "latent density") % _SKLEARN_SEEDS,
    )
    with warnings.catch_warnings():  # equal latents, and fits that still improve a little
        warnings.simplefilter("ignore", ConvergenceWarning)
        return mixture.fit(values)
