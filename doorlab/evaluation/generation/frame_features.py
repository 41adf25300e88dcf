"""Features of frames from a small network, trained to recognize frames of the same door.

The training needs no labels, so it also works for footage: features of two frames of one door
should be more similar than those of different doors (InfoNCE: van den Oord et al. 2018, arXiv
1807.03748). The network is independent of the models under evaluation.

Legend: D doors, M frames per door, H W pixels, C colors, N images, F features of one kind.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from doorlab.errors import ConfigError
from doorlab.nn.images import FrameEncoder, to_float
from doorlab.runtime.torch_state import process_defaults, thread_defaults
from doorlab.seeding import integer_seed

FEATURES = ("content", "texture")
_CHANNELS, _FEATURES = (16, 32, 32), 64
_BATCH, _LEARNING_RATE, _TEMPERATURE = 32, 2e-3, 0.1
_AT_ONCE = 256  # images per batch of `describe`


class FrameFeatures(nn.Module):
    """Network that maps images in full resolution to features."""

    def __init__(self, image_size: int) -> None:
        super().__init__()
        self.encoder = FrameEncoder(image_size, _CHANNELS, _FEATURES, encoder_resolution=image_size)
        self.compare = nn.Sequential(nn.ReLU(), nn.Linear(_FEATURES, _FEATURES))

    def loss(self, x: Float[Tensor, "D 2 C H W"]) -> Float[Tensor, ""]:
        """Cross-entropy (nats) of matching first and second frames of D doors, both directions."""
        first, second = F.normalize(self.compare(self.encoder(x)), dim=-1).unbind(dim=1)
        similarity = first @ second.T / _TEMPERATURE
        match = torch.arange(len(x), device=x.device)
        return 0.5 * (F.cross_entropy(similarity, match) + F.cross_entropy(similarity.T, match))

    @thread_defaults()
    @torch.no_grad()
    def describe(self, images: UInt8[np.ndarray, "*batch H W 3"]) -> dict[str, np.ndarray]:
        """Computes features of stored images, float64 (*batch, F), of two kinds.

        content: the embedding that identifies the door; nearly invariant to blur.
        texture: mean and standard deviation of every map of every layer; sensitive to blur and
            artifacts.
        """
        device = next(self.parameters()).device
        flat = images.reshape(-1, *images.shape[-3:])
        parts = [
            self._layers(_to_frames(flat[i : i + _AT_ONCE]).to(device))
            for i in range(0, len(flat), _AT_ONCE)
        ]
        return {
            name: np.concatenate([part[name].double().cpu().numpy() for part in parts]).reshape(
                *images.shape[:-3], -1
            )
            for name in FEATURES
        }

    def _layers(self, x: Float[Tensor, "N C H W"]) -> dict[str, Float[Tensor, "N F"]]:
        h, maps = 2.0 * x - 1.0, []
        for layer in self.encoder.layers:
            h = layer(h)
            if isinstance(layer, nn.SiLU):
                maps += [h.mean(dim=(-2, -1)), h.std(dim=(-2, -1))]
        return {"content": h, "texture": torch.cat(maps, dim=1)}


@process_defaults()
def learn_features(
    images: UInt8[np.ndarray, "D M H W 3"], steps: int = 150, seed: int = 0, device: str = "cpu"
) -> FrameFeatures:
    """Trains the network on the frames of training doors.

    Args:
        images: at least two frames per door.
        steps: steps of Adam; a batch is a pair of frames from each of 32 doors.
        seed: seed of the weights and batches.
        device: device of the training.

    Raises ConfigError for fewer than two doors, or fewer than two frames per door.
    """
    if min(images.shape[:2]) < 2:
        raise ConfigError(
            "at least two doors with at least two frames each, to learn features from",
            f"{images.shape[0]} doors with {images.shape[1]} frames",
            "generate a larger dataset",
        )
    rng = np.random.default_rng(integer_seed(seed, "features"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(integer_seed(seed, "features"))
        model = FrameFeatures(images.shape[2]).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=_LEARNING_RATE)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = _LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * step / steps))
        pairs = _pairs(images, rng)
        loss = model.loss(_to_frames(pairs).to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


def _pairs(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(B, 2, H, W, 3): two different frames of each of B different doors."""
    doors, frames = images.shape[:2]
    chosen = rng.permutation(doors)[:_BATCH]
    picks = rng.permuted(np.tile(np.arange(frames), (len(chosen), 1)), axis=1)[:, :2]
    return images[chosen[:, None], picks]


def _to_frames(images: np.ndarray) -> Tensor:
    return to_float(torch.from_numpy(np.ascontiguousarray(images)).movedim(-1, -3))
