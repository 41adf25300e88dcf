"""Likelihood bounds of pretrained models on frames, and the posterior of each latent.

Legend: B doors, M frames, C H W an image; E context latent, Z instance latent or a layer of it;
K samples of the door's latent, L samples of the frame's latent per sample of the door's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from doorlab.errors import ConfigError
from doorlab.models.encoders.statistician import InstanceLatents, NeuralStatistician
from doorlab.models.encoders.vae import VAE
from doorlab.nn.gaussian import mean_of, sample, standard_normal
from doorlab.objectives import bounds


@dataclass(frozen=True)
class LatentPosterior:
    """Posterior q and prior p of one latent, for a batch of data."""

    posterior: Normal
    prior: Normal

    def kl(self) -> Float[Tensor, "*batch Z"]:
        """KL(q || p) of each dimension, nats."""
        return kl_divergence(self.posterior, self.prior)

    @staticmethod
    def join(parts: Sequence[LatentPosterior]) -> LatentPosterior:
        """Concatenates the posteriors of several batches."""
        return LatentPosterior(_join([b.posterior for b in parts]), _join([b.prior for b in parts]))


@dataclass(frozen=True)
class LikelihoodBounds:
    """Lower bounds on the log-likelihood of the frames of doors.

    Attributes:
        elbo: evidence lower bound on log p(x_1..M), the joint likelihood of the frames of a door,
            nats.
        importance: importance-weighted bound on log p(x_1..M), nats; tighter than `elbo`.
        beliefs: latent -> posterior and prior: "c" (B, E) of doors; "z" (B, M, Z) of frames, or
            its layers from the top, "z_layer_2", "z_layer_1". The posterior of a latent is
            evaluated at the means of the latents that it depends on.
    """

    elbo: Float[Tensor, " B"]
    importance: Float[Tensor, " B"]
    beliefs: dict[str, LatentPosterior]

    @staticmethod
    def join(parts: Sequence[LikelihoodBounds]) -> LikelihoodBounds:
        """Concatenates the bounds of several batches of doors."""
        return LikelihoodBounds(
            torch.cat([part.elbo for part in parts]),
            torch.cat([part.importance for part in parts]),
            {
                name: LatentPosterior.join([part.beliefs[name] for part in parts])
                for name in parts[0].beliefs
            },
        )


@torch.no_grad()
def estimate_bounds(
    model: torch.nn.Module,
    x: Float[Tensor, "B M C H W"],
    samples: int = 16,
    generator: torch.Generator | None = None,
) -> LikelihoodBounds:
    """Estimates the likelihood bounds of a model.

    Args:
        model: a VAE or a neural statistician; see `has_evidence`.
        x: frames in [0, 1].
        samples: importance samples of the bound. A VAE uses `samples` samples of z. A statistician
            uses `samples` / 2 samples of c with two samples of z each; for an odd number,
            `samples` samples of c with one sample of z each.
        generator: random generator, on the device of `x`.

    Raises ConfigError for another model, and for fewer than one sample.
    """
    if samples < 1:
        raise ConfigError("at least 1 importance sample", f"{samples}", "correct --samples")
    for kind, explain in _EXPLAIN.items():
        if isinstance(model, kind):
            return explain(model, x, samples, generator)
    raise ConfigError(
        "a model with a likelihood: " + " or ".join(kind.__name__ for kind in _EXPLAIN),
        type(model).__name__,
        "give the run of another model",
    )


def has_evidence(model: torch.nn.Module) -> bool:
    """Whether a model has a likelihood, so that `estimate_bounds` accepts it."""
    return isinstance(model, tuple(_EXPLAIN))


def _vae(
    model: VAE, x: Float[Tensor, "B M C H W"], samples: int, generator: torch.Generator | None
) -> LikelihoodBounds:
    """Bounds of a VAE: sums over frames, which the model assumes to be independent."""
    q = model.encode(x)
    p = standard_normal(q.mean)
    draws = []
    for _ in range(samples):  # one at a time: the images of all samples would not fit into memory
        z = sample(q, generator)
        likelihood = model.likelihood(x, model.decode(z))
        draws.append(likelihood + bounds.log_ratio(z, p, q))
    log_weights = torch.stack(draws)  # (K, B, M)
    return LikelihoodBounds(
        log_weights.mean(dim=0).sum(dim=1),
        bounds.importance_bound(log_weights).sum(dim=1),
        {"z": LatentPosterior(q, p)},
    )


def _statistician(
    model: NeuralStatistician,
    x: Float[Tensor, "B M C H W"],
    samples: int,
    generator: torch.Generator | None,
) -> LikelihoodBounds:
    """Bounds of a statistician: on sets of frames, with nested samples of c and z."""
    inner = 2 if samples % 2 == 0 else 1
    h = model.encode_frames(x)
    q_c = model.infer_context(h)
    p_c = standard_normal(q_c.mean)
    ratios_c, ratios = [], []
    for _ in range(samples // inner):
        c = sample(q_c, generator)
        ratios_c.append(bounds.log_ratio(c, p_c, q_c))
        ratios.append(_frames(model, x, h, c, inner, generator))
    log_ratio_c, log_ratios = torch.stack(ratios_c), torch.stack(ratios, dim=1)
    states = model.infer_states(h, q_c.mean, mean_of)
    return LikelihoodBounds(
        bounds.set_elbo(log_ratio_c, log_ratios),
        bounds.importance_bound(bounds.set_log_weights(log_ratio_c, log_ratios)),
        {"c": LatentPosterior(q_c, p_c), **_layers(states, model.architecture.instance_layers)},
    )


def _frames(
    model: NeuralStatistician,
    x: Float[Tensor, "B M C H W"],
    h: Float[Tensor, "B M F"],
    c: Float[Tensor, "B E"],
    inner: int,
    generator: torch.Generator | None,
) -> Float[Tensor, "L B M"]:
    """Log-ratio log p(x_m, z_l | c) - log q(z_l | x_m, c) of `inner` samples of each z_m."""
    ratios = []
    for _ in range(inner):
        s = model.infer_states(h, c, partial(sample, generator=generator))
        likelihood = model.likelihood(x, model.decode(c, s.z))
        ratios.append(likelihood + bounds.log_ratio(s.z, s.prior, s.posterior))
    return torch.stack(ratios)


def _layers(states: InstanceLatents, count: int) -> dict[str, LatentPosterior]:
    """Layer of z -> posterior and prior, from the top: "z", or "z_layer_N" to "z_layer_1"."""
    names = [f"z_layer_{count - i}" for i in range(count)] if count > 1 else ["z"]
    q, p = (_apart(normal, count) for normal in (states.posterior, states.prior))
    return {name: LatentPosterior(*belief) for name, *belief in zip(names, q, p, strict=True)}


def _apart(normal: Normal, count: int) -> list[Normal]:
    parts = zip(normal.mean.chunk(count, -1), normal.stddev.chunk(count, -1), strict=True)
    return [Normal(mean, std, validate_args=False) for mean, std in parts]


def _join(parts: Sequence[Normal]) -> Normal:
    mean, std = torch.cat([q.mean for q in parts]), torch.cat([q.stddev for q in parts])
    return Normal(mean, std, validate_args=False)


_EXPLAIN: dict[type[torch.nn.Module], Callable[[Any, Any, int, Any], LikelihoodBounds]] = {
    VAE: _vae,
    NeuralStatistician: _statistician,
}
