"""Convolutional networks between images and vectors, small enough for one CPU core.

Legend: *batch any leading axes, C = 3 colors, H = W pixels, F features, N images,
S pixels of the working size.
"""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float, UInt8
from torch import Tensor, nn

from doorlab.errors import ConfigError
from doorlab.nn.initialization import kaiming_init_

_WORKING_SIZE = 32  # pixels; larger images are averaged down to this before the convolutions
_SEED_SIZE = 8  # pixels of the smallest feature map of the decoder


def to_float(images: UInt8[Tensor, "*batch C H W"]) -> Float[Tensor, "*batch C H W"]:
    """Converts stored images to the range [0, 1]."""
    return images.float().div_(255.0)


def check_image_size(image_size: int) -> int:
    """Returns `image_size` if the networks support it. Raises ConfigError otherwise."""
    if image_size < _WORKING_SIZE or image_size % _WORKING_SIZE:
        raise ConfigError(
            f"an image size that is a multiple of {_WORKING_SIZE} pixels",
            f"{image_size}",
            "use images of 64 x 64 pixels",
        )
    return image_size


def shrunk_size(image_size: int, encoder_resolution: int) -> int:
    """Side in pixels of the networks' input. Raises ConfigError if averaging cannot produce it."""
    size = min(check_image_size(image_size), encoder_resolution)
    if image_size % size:
        raise ConfigError(
            f"an encoder resolution that divides the {image_size} pixels of an image",
            f"{encoder_resolution}",
            f"use an encoder resolution of {_WORKING_SIZE}, or another divisor",
        )
    return size


class Shrink(nn.Module):
    """Averages images in [0, 1] down to `size` pixels, and scales them to [-1, 1]."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C S S"]:
        """Shrinks images whose side is `size` or a multiple of it."""
        factor = x.shape[-1] // self.size
        # Sums of strided views are several times faster than F.avg_pool2d on a CPU.
        rows = sum((x[..., i::factor, :] for i in range(1, factor)), x[..., ::factor, :])
        total = sum((rows[..., i::factor] for i in range(1, factor)), rows[..., ::factor])
        return total * (2.0 / factor**2) - 1.0


class FrameEncoder(nn.Module):
    """Encodes images as features.

    Args:
        image_size: H = W, a multiple of 32.
        channels: output channels of the convolutions; each halves the resolution.
        features: F.
        encoder_resolution: pixels to which images are averaged down before the convolutions.
    """

    def __init__(
        self, image_size: int, channels: Sequence[int], features: int, encoder_resolution: int = 32
    ) -> None:
        super().__init__()
        size = shrunk_size(image_size, encoder_resolution)
        layers: list[nn.Module] = [Shrink(size)]
        inputs = 3
        for outputs in channels:
            layers += [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.SiLU()]
            inputs, size = outputs, (size + 1) // 2
        layers += [nn.Flatten(), nn.Linear(inputs * size**2, features)]
        self.layers = kaiming_init_(nn.Sequential(*layers))

    def forward(self, x: Float[Tensor, "*batch C H W"]) -> Float[Tensor, "*batch F"]:
        """Features of images in [0, 1], of the working size or a multiple of it."""
        return self.layers(x.flatten(0, -4)).unflatten(0, x.shape[:-3])


class FrameDecoder(nn.Module):
    """Decodes features to images by sub-pixel convolutions (Shi et al. 2016); small feature maps.

    Args:
        image_size: H = W, a multiple of 32.
        channels: channels of the three feature maps, 8, 16 and 32 pixels wide.
        features: F.
    """

    def __init__(self, image_size: int, channels: Sequence[int], features: int) -> None:
        super().__init__()
        coarse, middle, fine = channels
        zoom = check_image_size(image_size) // (4 * _SEED_SIZE)
        self.seed = kaiming_init_(nn.Linear(features, coarse * _SEED_SIZE**2))
        self.layers = nn.Sequential(
            nn.Unflatten(1, (coarse, _SEED_SIZE, _SEED_SIZE)),
            nn.SiLU(),
            nn.Conv2d(coarse, 4 * middle, 3, padding=1),
            nn.PixelShuffle(2),
            nn.SiLU(),
            nn.Conv2d(middle, 4 * fine, 3, padding=1),
            nn.PixelShuffle(2),
            nn.SiLU(),
            nn.Conv2d(fine, 3 * zoom**2, 3, padding=1),
            nn.PixelShuffle(zoom),
            nn.Sigmoid(),
        )
        kaiming_init_(self.layers)

    def forward(self, h: Float[Tensor, "*batch F"]) -> Float[Tensor, "*batch C H W"]:
        """Images in [0, 1]."""
        return self.layers(self.seed(h.flatten(0, -2))).unflatten(0, h.shape[:-1])
