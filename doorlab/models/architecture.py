"""Sizes of the networks of all models; stored with the weights of a model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from doorlab.limits import NonNegativeFloat, PositiveInt, Share, check_limits
from doorlab.options import Option


@dataclass(frozen=True)
class Architecture:
    """Sizes shared by all models, so that comparisons are between ideas, not capacities.

    Raises ConfigError for sizes below 1, and for weights below 0 or not finite.
    """

    encoder_channels: tuple[PositiveInt, ...] = (32, 48, 64)
    """Channels of the encoder's convolutions. Each convolution halves the image."""
    encoder_resolution: PositiveInt = 32
    """Height and width to which images are downsampled before the encoder, pixels."""
    decoder_channels: tuple[PositiveInt, PositiveInt, PositiveInt] = (64, 32, 16)
    """Channels of the decoder's feature maps of 8, 16 and 32 pixels."""
    statistics: Annotated[tuple[str, ...], Option(("mean", "max", "spread"))] = (
        "mean",
        "max",
        "spread",
    )
    """Statistics that a statistician pools over the frames of a door: mean, max, spread (standard
    deviation), or several."""
    features: PositiveInt = 256
    """Width of the layers between the convolutions and the latents."""
    context_dim: PositiveInt = 32
    """Dimensions of the context latent c, and of the embedding of a door."""
    instance_dim: PositiveInt = 8
    """Dimensions of each layer of the statistician's instance latent z."""
    instance_layers: PositiveInt = 1
    """Number of layers of z. Each layer depends on the layer above it."""
    interaction_dim: PositiveInt = 32
    """Dimensions of the interaction latent u."""
    hidden: PositiveInt = 128
    """Width of the networks of the neural process."""
    latent_samples: PositiveInt = 4
    """Number of samples of u per prediction."""
    head: Annotated[str, Option(("soft_bernoulli", "inflated_beta", "gaussian"))] = "soft_bernoulli"
    """Reward distribution: soft_bernoulli (a mean and a separate standard deviation), inflated_beta
    (a Beta distribution with point masses at 0 and 1) or gaussian."""
    aggregator: Annotated[str, Option(("split", "mean"))] = "split"
    """Pooling of interactions: mean, as in the papers, or split (adds separate means of successful
    and failed interactions, and their numbers)."""
    attention_heads: PositiveInt = 4
    """Attention heads of attentive models; a divisor of `hidden`."""
    likelihood_std: NonNegativeFloat = 0.0
    """Standard deviation of the image likelihood, for pixels in [0, 1]. 0 calibrates it: the value
    that maximizes the likelihood of the training batch is used, and stored with the weights."""
    frame_decode_fraction: Share = 0.25
    """Fraction of a door's frames that a training step decodes, rounded up. Decoding takes most of
    the time of a step. The likelihood of these random frames estimates that of all frames."""
    beta_z: NonNegativeFloat = 1.0
    """Weight of the statistician's KL(z). Above 1, information that all frames share moves to c."""
    beta_c: NonNegativeFloat = 1.0
    """Weight of the statistician's KL(c)."""
    free_nats: NonNegativeFloat = 0.0
    """Free bits (Kingma et al. 2016): KL per latent dimension, averaged over the batch, below which
    the KL term has no gradient; 0 for the plain ELBO."""
    contrast_weight: NonNegativeFloat = 0.25
    """Weight of the InfoNCE loss between doors (nats per door) of the contrastive and the
    disentangled statistician, relative to the image term (nats per pixel and channel)."""
    contrast_frames: PositiveInt = 1
    """Frames in each of the two sets that the InfoNCE loss of the contrastive statistician
    compares; at most half of the frames of a step."""
    frame_contrast_weight: NonNegativeFloat = 0.05
    """Weight of the disentangled statistician's InfoNCE loss between the frames of a door (nats per
    frame)."""
    view_shift: NonNegativeFloat = 0.06
    """Largest shift and stretch of views in the contrastive losses, as a fraction of the image."""
    independence_weight: NonNegativeFloat = 0.1
    """Weight of the disentangled statistician's MMD penalty, which removes information about the
    door from the instance latents (`objectives.mmd`)."""
    decode_fraction: NonNegativeFloat = 0.5
    """Fraction of the disentangled statistician's batch that is decoded. The rest takes part in the
    contrastive losses only."""
    reconstruction_weight: NonNegativeFloat = 0.005
    """Weight of the negative ELBO of frames (nats per pixel and channel) in the loss of joint
    models, relative to their reward term."""

    def __post_init__(self) -> None:
        check_limits(self, "--architecture.")

    @property
    def total_instance_dim(self) -> int:
        """Sum of the dimensions of all layers of z."""
        return self.instance_dim * self.instance_layers

    def with_reward_config(self, other: Architecture) -> Architecture:
        """The encoder's sizes of this architecture, with the process's sizes of `other`."""
        return replace(self, **{name: getattr(other, name) for name in _OF_PROCESSES})


_OF_PROCESSES = (
    "interaction_dim", "hidden", "latent_samples", "head", "aggregator", "attention_heads",
    "reconstruction_weight",
)  # fmt: skip
