"""The sizes of every model's networks, stored with its weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from doorlab.limits import NonNegativeFloat, PositiveInt, check_limits
from doorlab.options import Option


@dataclass(frozen=True)
class Architecture:
    """Sizes shared by all models, so that comparisons are between ideas, not capacities.

    Raises ConfigError for sizes below 1, and for weights below 0 or not finite.
    """

    encoder_channels: tuple[PositiveInt, ...] = (32, 48, 64)
    """Channels of the encoder's convolutions, each of which halves the picture."""
    encoder_resolution: PositiveInt = 32
    """Pixels to which pictures are averaged down before the encoder."""
    decoder_channels: tuple[PositiveInt, PositiveInt, PositiveInt] = (64, 32, 16)
    """Channels of the decoder's feature maps, 8, 16 and 32 pixels wide."""
    statistics: Annotated[tuple[str, ...], Option(("mean", "max", "spread"))] = (
        "mean",
        "max",
        "spread",
    )
    """What a statistician pools over the frames of a door: mean, max, spread, or several."""
    features: PositiveInt = 256
    """Width of the vectors between convolutions and latents."""
    context_dim: PositiveInt = 32
    """Dimensions of the context latent c, and of every door embedding."""
    instance_dim: PositiveInt = 8
    """Dimensions of the statistician's instance latent z, of each layer if it has several."""
    instance_layers: PositiveInt = 1
    """Layers of z, each of which depends on the one above."""
    interaction_dim: PositiveInt = 32
    """Dimensions of the interaction latent u."""
    hidden: PositiveInt = 128
    """Width of the reward networks."""
    latent_samples: PositiveInt = 4
    """Samples of u behind every prediction."""
    head: Annotated[str, Option(("soft_bernoulli", "inflated_beta", "gaussian"))] = "soft_bernoulli"
    """What is said of a reward: soft_bernoulli (its mean, and apart from that its spread),
    inflated_beta (both ends have a probability, a Beta lies between) or gaussian."""
    aggregator: Annotated[str, Option(("split", "mean"))] = "split"
    """How interactions are pooled: mean, as in the papers, or split (also what worked and what
    failed, apart, and how many)."""
    attention_heads: PositiveInt = 4
    """Heads of attentive models; divides `hidden`."""
    likelihood_std: NonNegativeFloat = 0.0
    """Standard deviation of the picture likelihood, in units of [0, 1]; 0 for the calibrated one,
    which fits the batch best in training and is stored with the weights."""
    beta_z: NonNegativeFloat = 1.0
    """Weight of the statistician's KL(z): above 1, what all frames share is cheaper in c."""
    beta_c: NonNegativeFloat = 1.0
    """Weight of the statistician's KL(c)."""
    free_nats: NonNegativeFloat = 0.0
    """KL of a dimension of its latents, averaged over the batch, up to which nothing is gained by
    lowering it; 0 for the bound itself."""
    contrast_weight: NonNegativeFloat = 0.25
    """Weight of the contrastive statistician's search for the same door (nats per door) beside the
    picture term (nats per pixel and colour)."""
    frame_contrast_weight: NonNegativeFloat = 0.05
    """Weight of its search for the same frame among a door's (nats per frame)."""
    view_shift: NonNegativeFloat = 0.06
    """Share of the picture by which it shifts and stretches what it searches among, at most."""
    independence_weight: NonNegativeFloat = 0.1
    """Weight of what its instance latents say about the door (`objectives.mmd`)."""
    decode_fraction: NonNegativeFloat = 0.5
    """Share of its batch whose pictures are decoded; the others only take part in the search."""
    reconstruction_weight: NonNegativeFloat = 0.05
    """Weight of SSNP's autoencoding term (nats per pixel) beside its reward term."""

    def __post_init__(self) -> None:
        check_limits(self, "--architecture.")

    @property
    def total_instance_dim(self) -> int:
        """Dimensions of all layers of z together."""
        return self.instance_dim * self.instance_layers

    def with_reward_config(self, other: Architecture) -> Architecture:
        """The picture networks of this one, the reward networks of the other, and their balance."""
        return replace(self, **{name: getattr(other, name) for name in _OF_PROCESSES})


_OF_PROCESSES = (
    "interaction_dim", "hidden", "latent_samples", "head", "aggregator", "attention_heads",
    "reconstruction_weight",
)  # fmt: skip
