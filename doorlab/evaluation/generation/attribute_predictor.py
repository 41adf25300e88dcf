"""Predictor of joint angle, handedness and swing from single frames, trained on real frames.

It measures which state of a door generated frames show. It is trained with the true parameters of
the training doors, and is independent of the models under evaluation. Handedness is the side of the
hinge; swing is whether the door is pulled or pushed. A classifier of real images is a common judge
of conditional generative models (for example Odena et al. 2017, AC-GAN, arXiv 1610.09585).

Legend: D doors, M frames per door, H W pixels, C colors, N images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from doorlab.data.targets import TARGETS, mirrored
from doorlab.errors import ConfigError
from doorlab.nn.images import FrameEncoder, to_float
from doorlab.runtime.torch_state import process_defaults, thread_defaults
from doorlab.seeding import integer_seed

ATTRIBUTES = ("joint_angle", "handedness", "swing")
_CHANNELS, _FEATURES, _RESOLUTION = (32, 48, 64), 64, 32
_DOORS, _FRAMES, _LEARNING_RATE, _WEIGHT_DECAY = 16, 4, 3e-3, 1e-2  # of a step
_WARM_UP = 0.15  # share of the steps in which the learning rate rises
_AT_ONCE = 512  # images per batch of `predict`


@dataclass(frozen=True)
class AttributePredictions:
    """Predictions for the frames of D doors.

    Attributes:
        joint_angle: float64 (D, M), rad.
        handedness: float64 (D, M), log-odds of a hinge on the right.
        swing: float64 (D, M), log-odds of a door that is pushed.
    """

    joint_angle: Float[np.ndarray, "D M"]
    handedness: Float[np.ndarray, "D M"]
    swing: Float[np.ndarray, "D M"]


class AttributePredictor(nn.Module):
    """Network from frames to the attributes of `ATTRIBUTES`."""

    def __init__(self, image_size: int, angle_mean: float, angle_std: float) -> None:
        super().__init__()
        resolution = min(_RESOLUTION, image_size)
        self.encoder = FrameEncoder(image_size, _CHANNELS, _FEATURES, resolution)
        self.head = nn.Sequential(nn.SiLU(), nn.Linear(_FEATURES, len(ATTRIBUTES)))
        self.angle_mean, self.angle_std = angle_mean, angle_std

    def forward(self, x: Float[Tensor, "*batch C H W"]) -> Float[Tensor, "*batch 3"]:
        """Standardized joint angle, and log-odds of handedness and swing, of frames in [0, 1]."""
        return self.head(self.encoder(x))

    def loss(
        self, x: Float[Tensor, "D M C H W"], labels: Mapping[str, Tensor]
    ) -> Float[Tensor, ""]:
        """Squared error of the standardized angle plus both cross-entropies (nats), per frame.

        Args:
            x: frames in [0, 1].
            labels: joint_angle (D, M), rad, NaN for doors without; handedness and swing (D,).
        """
        angle, *log_odds = self(x).unbind(dim=-1)
        true = (labels["joint_angle"] - self.angle_mean) / self.angle_std
        known = true.isfinite()
        error = torch.where(known, angle - true.nan_to_num(), 0.0).square().sum()
        loss = error / known.sum().clamp(min=1)
        for name, found in zip(ATTRIBUTES[1:], log_odds, strict=True):
            target = labels[name][:, None].expand_as(found)
            loss = loss + F.binary_cross_entropy_with_logits(found, target)
        return loss

    @thread_defaults()
    @torch.no_grad()
    def predict(self, images: UInt8[np.ndarray, "D M H W 3"]) -> AttributePredictions:
        """Predicts the attributes of stored or generated frames, every frame on its own."""
        device = next(self.parameters()).device
        flat = images.reshape(-1, *images.shape[-3:])
        parts = [
            self(_to_frames(flat[i : i + _AT_ONCE], device)).double().cpu().numpy()
            for i in range(0, len(flat), _AT_ONCE)
        ]
        found = np.concatenate(parts).reshape(*images.shape[:2], -1)
        angle = found[..., 0] * self.angle_std + self.angle_mean
        return AttributePredictions(angle, found[..., 1], found[..., 2])


@process_defaults()
def train_attribute_predictor(
    images: UInt8[np.ndarray, "D M H W 3"],
    labels: Mapping[str, np.ndarray],
    steps: int = 800,
    seed: int = 0,
    device: str = "cpu",
) -> AttributePredictor:
    """Trains the network on the frames of training doors and their mirror images.

    Args:
        images: frames of the doors.
        labels: the true values of `ATTRIBUTES`, as in `data.labels.load_labels`.
        steps: steps of AdamW; a batch has 16 doors with 4 frames each.
        seed: seed of the weights and batches.
        device: device of the training.

    Raises ConfigError if there are no doors.
    """
    if not len(images):
        raise ConfigError("training doors for the attribute predictor", "none", "use more doors")
    seed = integer_seed(seed, "attributes")
    rng = np.random.default_rng(seed)
    angles = labels["joint_angle"][np.isfinite(labels["joint_angle"])]
    mean, std = (float(angles.mean()), float(angles.std())) if angles.size else (0.0, 1.0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AttributePredictor(images.shape[2], mean, std or 1.0).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), _LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = _LEARNING_RATE * _schedule(step, steps)
        x, truth = _batch(images, labels, rng, torch.device(device))
        loss = model.loss(x, truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


def _schedule(step: int, steps: int) -> float:
    """Share of the learning rate: rises linearly, then falls to zero as a cosine."""
    warm_up = max(1.0, _WARM_UP * steps)
    if step < warm_up:
        return (step + 1) / (warm_up + 1)
    return 0.5 * (1.0 + float(np.cos(np.pi * (step - warm_up) / max(1.0, steps - warm_up))))


def _batch(
    images: np.ndarray,
    labels: Mapping[str, np.ndarray],
    rng: np.random.Generator,
    device: torch.device,
) -> tuple[Float[Tensor, "B M C H W"], dict[str, Tensor]]:
    """Random frames of random doors, half of them mirrored, and their labels (B, M) or (B,)."""
    rows = rng.integers(len(images), size=_DOORS)
    count = images.shape[1]
    picks = rng.permuted(np.tile(np.arange(count), (_DOORS, 1)), axis=1)[:, :_FRAMES]
    flipped = rng.random(_DOORS) < 0.5
    frames = images[rows[:, None], picks]
    frames = np.where(flipped[:, None, None, None, None], frames[..., ::-1, :], frames)
    truth = {}
    for name in ATTRIBUTES:
        values = labels[name][rows]
        values = np.take_along_axis(values, picks, axis=1) if values.ndim > 1 else values
        turned = flipped.reshape(-1, *[1] * (values.ndim - 1))
        truth[name] = np.where(turned, mirrored(TARGETS[name], values), values)
    tensors = {name: torch.from_numpy(v).float().to(device) for name, v in truth.items()}
    return _to_frames(frames, device), tensors


def _to_frames(images: np.ndarray, device: torch.device) -> Tensor:
    tensor = torch.from_numpy(np.ascontiguousarray(images)).to(device)
    return to_float(tensor.movedim(-1, -3))
