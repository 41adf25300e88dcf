"""Base class of the VAE and the autoencoder: an encoder and a decoder of single frames.

Legend: B doors, M frames, C H W an image, Z latent.
"""

from __future__ import annotations

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor, nn

from doorlab.models.architecture import Architecture
from doorlab.models.encoders.base import FrameEmbeddingEncoder, Reconstructs
from doorlab.models.image_likelihood import ImageLikelihood
from doorlab.nn.images import FrameDecoder, FrameEncoder
from doorlab.nn.initialization import kaiming_init_


class FrameAutoencoder(FrameEmbeddingEncoder, Reconstructs):
    """Networks of the VAE and the autoencoder, with as many latents as c and z of a statistician.

    Args:
        image_size: H = W.
        architecture: sizes of the networks.
        head: builds the layer that maps features to latents, from the numbers of features and
            latents.
    """

    def __init__(
        self, image_size: int, architecture: Architecture, head: Callable[[int, int], nn.Module]
    ) -> None:
        super().__init__()
        a = self.architecture = architecture
        latent = a.context_dim + a.total_instance_dim
        self.embedding_dim = self.instance_dim = latent
        self.encoder = FrameEncoder(
            image_size, a.encoder_channels, a.features, a.encoder_resolution
        )
        f = a.features
        hidden = kaiming_init_(nn.Sequential(nn.SiLU(), nn.Linear(f, f), nn.SiLU()))
        self.to_z = nn.Sequential(hidden, head(f, latent))
        self.from_z = kaiming_init_(nn.Sequential(nn.Linear(latent, f), nn.SiLU()))
        self.decoder = FrameDecoder(image_size, a.decoder_channels, f)
        self.likelihood = ImageLikelihood(a.likelihood_std)

    @property
    def decode_fraction(self) -> float:
        """Fraction of a door's frames that the loss decodes: all of them in evaluation."""
        return self.architecture.frame_decode_fraction if self.training else 1.0

    def decode(self, z: Float[Tensor, "*batch Z"]) -> Float[Tensor, "*batch C H W"]:
        """The mean image decoded from z."""
        return self.decoder(self.from_z(z))

    def reconstruct(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M C H W"]:
        """Frames decoded from their embeddings (`embed_frames`)."""
        return self.decode(self.embed_frames(x))
