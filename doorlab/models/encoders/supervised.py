"""Supervised network: an upper reference for embeddings of this size.

The network has the encoder of the other models, but is trained on the true parameters of the
training doors. No other pretrained model uses these labels. The network is a reference for the
remaining gap, and not a competitor.

Legend: B doors, M frames, C H W an image, F features, E embedding, Z embedding of a frame.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from doorlab.models.architecture import Architecture
from doorlab.models.encoders.base import DoorEncoder
from doorlab.nn.images import FrameEncoder
from doorlab.nn.initialization import kaiming_init_

# Labels, with the names of `doorlab.evaluation.probes.TARGETS`. Models do not import that module;
# a test compares the names.
CATEGORIES = ("handedness", "swing", "latch")
NUMBERS = ("width", "height", "handle_height", "place")
PER_FRAME = "joint_angle"


class Supervised(DoorEncoder):
    """Mean-pooled features, an embedding of the size of the context latent, and linear heads."""

    def __init__(self, image_size: int, architecture: Architecture) -> None:
        super().__init__()
        a = architecture
        c, z, f = a.context_dim, a.total_instance_dim, a.features
        self.embedding_dim, self.instance_dim = c, z
        self.encoder = FrameEncoder(image_size, a.encoder_channels, f, a.encoder_resolution)
        self.frame_statistic = kaiming_init_(nn.Sequential(nn.SiLU(), nn.Linear(f, f), nn.SiLU()))
        self.to_embedding = nn.Linear(f, c)
        self.to_instance = nn.Linear(f + c, z)
        self.door_heads = nn.Linear(c, len(CATEGORIES) + len(NUMBERS))
        self.frame_head = nn.Linear(z, 1)

    def loss(
        self, x: Float[Tensor, "B M C H W"], answers: Mapping[str, Tensor]
    ) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]]]:
        """Cross-entropy of the categories and half the squared error of the numbers, summed.

        Args:
            x: frames.
            answers: labels: 0 or 1 (B,) for `CATEGORIES`, standardized numbers (B,) for `NUMBERS`
                and (B, M) for `PER_FRAME`; NaN for undefined values.
        """
        embedding, instances = self._embeddings(x)
        logits, numbers = self.door_heads(embedding).split([len(CATEGORIES), len(NUMBERS)], dim=-1)
        labels = torch.stack([answers[name] for name in CATEGORIES], dim=-1)
        categories = binary_cross_entropy_with_logits(logits, labels, reduction="none")
        labels = torch.stack([answers[name] for name in NUMBERS], dim=-1)
        sizes = 0.5 * (numbers - labels).square()
        angles = _half_squares(self.frame_head(instances).squeeze(-1), answers[PER_FRAME])
        parts = {"categories": categories.mean(0).sum(), "numbers": sizes.mean(0).sum()}
        parts[PER_FRAME] = angles
        return torch.stack(list(parts.values())).sum(), {k: v.detach() for k, v in parts.items()}

    def embed(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B E"]:
        """Embeddings of doors: the input of the heads for parameters of the door."""
        return self._embeddings(x)[0]

    def embed_frames(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M Z"]:
        """Embeddings of frames: the input of the head for the angle.

        They depend on the embedding of the door, in the same way as z of a statistician depends
        on c.
        """
        return self._embeddings(x)[1]

    def _embeddings(
        self, x: Float[Tensor, "B M C H W"]
    ) -> tuple[Float[Tensor, "B E"], Float[Tensor, "B M Z"]]:
        h = self.frame_statistic(self.encoder(x))
        embedding = self.to_embedding(h.mean(dim=1))
        shared = embedding[:, None].expand(-1, h.shape[1], -1)
        return embedding, self.to_instance(torch.cat([h, shared], dim=-1))


def _half_squares(predicted: Float[Tensor, "B M"], true: Float[Tensor, "B M"]) -> Float[Tensor, ""]:
    """Half the mean squared error over values that are not NaN; 0 if all values are NaN."""
    known = true.isfinite()
    squares = 0.5 * (predicted - true.nan_to_num()).square() * known
    return squares.sum() / known.sum().clamp(min=1)
