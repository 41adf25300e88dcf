"""The sizes of networks that learn next to nothing, and quickly."""

from doorlab.models.architecture import Architecture

TINY = Architecture(
    encoder_channels=(4, 8),
    decoder_channels=(6, 4, 4),
    features=16,
    context_dim=6,
    instance_dim=2,
    interaction_dim=5,
    hidden=16,
    latent_samples=2,
)
