"""Interface of pretrained encoders: one embedding per door and one per frame.

Legend: B doors, M frames, C H W an image, E embedding of a door, Z embedding of a frame.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from doorlab.models.latent_density import LatentDensity
from doorlab.nn.gaussian import sample, standard_normal


class DoorEncoder(nn.Module):
    """Base class of encoders, which map frames of doors to embeddings.

    Subclasses are built as `Encoder(image_size, architecture)`. An encoder that is trained by
    gradient descent has a method `loss(x, ...) -> (loss, scalars to log)`. An encoder that is
    fitted in closed form has a method `fit(portions)`.

    Attributes:
        embedding_dim: size E of the embedding of a door.
        instance_dim: size Z of the embedding of a frame.
    """

    embedding_dim: int
    instance_dim: int
    has_context: ClassVar[bool] = False
    """Whether the embedding of a door is a context latent, and not a mean over its frames."""

    @abstractmethod
    def embed(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B E"]:
        """One embedding per door, from frames in [0, 1]."""

    @abstractmethod
    def embed_frames(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M Z"]:
        """One embedding per frame: the state of the door, which differs between its frames."""


class FrameEmbeddingEncoder(DoorEncoder):
    """Base class of context-free encoders: a door's embedding is the mean over its frames."""

    def embed(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B Z"]:
        """One embedding per door: the mean of the embeddings of its frames."""
        return self.embed_frames(x).mean(dim=1)


class Reconstructs:
    """Mixin for encoders that reconstruct frames from their embeddings."""

    @abstractmethod
    def reconstruct(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M C H W"]:
        """Frames decoded from their latents, in [0, 1]."""


class SamplesDoors:
    """Mixin for encoders with a distribution over all their latents."""

    @abstractmethod
    def sample(
        self, doors: int, frames: int, generator: torch.Generator | None = None
    ) -> Float[Tensor, "B M C H W"]:
        """Samples frames of new doors, in [0, 1]."""

    def describe_sampling(self) -> str:
        """The distribution that `sample` draws the latents from, in words."""
        return "latents from the prior of the model"


class FitsLatentDensity(SamplesDoors):
    """Mixin for encoders that sample one latent from a density fitted to their training doors.

    `doorlab pretrain` fits the density (`models.latent_density`), `models.io.load_model` loads it.

    Attributes:
        density_latent: name of this latent: "c" (one per door) or "z" (one per frame).
        latent_density: the fitted density; None samples the latent from the prior N(0, 1).
    """

    density_latent: ClassVar[str]
    latent_density: LatentDensity | None = None

    @abstractmethod
    def density_latents(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "_ Z"]:
        """Posterior means of the latent, one per door or one per frame, from frames in [0, 1]."""

    @abstractmethod
    def sample(
        self,
        doors: int,
        frames: int,
        generator: torch.Generator | None = None,
        fitted: bool = True,
    ) -> Float[Tensor, "B M C H W"]:
        """Samples frames of new doors, in [0, 1].

        Args:
            doors: number of doors B.
            frames: number of frames M per door.
            generator: source of random numbers; equal states give equal samples.
            fitted: sample the latent from the fitted density, if the model has one; False samples
                it from the prior.
        """

    def sample_latent(
        self,
        like: Float[Tensor, "*batch Z"],
        generator: torch.Generator | None = None,
        fitted: bool = True,
    ) -> Float[Tensor, "*batch Z"]:
        """Samples of the latent in the shape of `like`; arguments as in `sample`."""
        if fitted and self.latent_density is not None:
            return self.latent_density.sample(like, generator)
        return sample(standard_normal(like), generator)

    def describe_sampling(self) -> str:
        """The distribution of the latent in `sample`, in words."""
        return f"{self.density_latent} from {self.latent_density or 'the prior N(0, 1)'}"


class SamplesFrames:
    """Mixin for encoders with a prior over the frames of a given door."""

    @abstractmethod
    def new_frames(
        self, c: Float[Tensor, "B E"], frames: int, generator: torch.Generator | None = None
    ) -> Float[Tensor, "B M C H W"]:
        """Samples new frames of doors with context latents c, in [0, 1]."""
