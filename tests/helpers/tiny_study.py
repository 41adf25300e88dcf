"""What the tests of `doorlab study` share: networks that are trained in no time."""

from doorlab.models.architecture import Architecture

TINY = Architecture(
    encoder_channels=(4, 8), decoder_channels=(6, 4, 4), features=16, context_dim=6, instance_dim=2,
    interaction_dim=5, hidden=16, latent_samples=2,
)  # fmt: skip


class Stopped(Exception):
    pass
