"""Reads image files as upright 8-bit RGB images.

The metadata of a file is respected: orientation (EXIF), transparency, bits per value. Files whose
pixels would be decoded incorrectly are rejected.

Legend: H, W pixels.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from doorlab.errors import DatasetError
from doorlab.terminal.text import quiet

MAX_PIXELS = 2**27  # larger images are rejected before decoding, because they fill the memory
SIGNIFICANT_BITS = (9, 16)  # minimum and maximum for a two-byte value

_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "PPM")  # Pillow can decode many more
_EIGHT_BIT_MODES = frozenset(
    {"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"}
)
_GRAY_16_MODES = frozenset({"I", "I;16", "I;16B", "I;16L"})
_TIFF_BITS_PER_SAMPLE = 258
_EXIF_ORIENTATION = 0x0112
_NEARLY_BLACK = 2**12  # of 2**16


def read_image(path: Path, significant_bits: int = 0) -> np.ndarray:
    """Reads the image in `path` as uint8 (H, W, 3), RGB; transparency is blended with black.

    Args:
        path: a JPEG, PNG, WebP, BMP, TIFF or PPM file.
        significant_bits: number of bits in use in 16-bit values; white is
            `2 ** significant_bits - 1`. 0: the number that the file states, or else all 16.

    Raises:
        OSError: if the system cannot read the file.
        ValueError: if the file is empty, damaged, too large or of another format.
        DatasetError: if 16-bit values contradict `significant_bits`.
    """
    with _damage_as_value_error(path), Image.open(path, formats=_FORMATS) as image:
        check_size(*image.size)
        with quiet() if image.format == "TIFF" else nullcontext():  # libtiff prints warnings
            return _to_rgb(_to_8_bits(image, path, significant_bits))


def decode_image(data: bytes) -> np.ndarray:
    """Decodes an image of at most 8 bits per value, as `read_image` reads it from a file.

    Raises ValueError if the data are damaged, of another format, or an image of 16 bits.
    """
    with _damage_as_value_error(), Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        check_size(*image.size)
        if image.mode not in _EIGHT_BIT_MODES:
            raise ValueError(f"an image of the mode {image.mode}, not of 8 bits per value")
        with quiet() if image.format == "TIFF" else nullcontext():  # libtiff prints warnings
            return _to_rgb(image)


def decode_png(data: bytes, shape: tuple[int, ...]) -> np.ndarray:
    """Decodes an 8-bit PNG file to uint8 of the given shape: (H, W), gray, or (H, W, 3), RGB.

    Raises ValueError if the file is damaged, or if its header states another shape.
    """
    color = len(shape) == 3
    header = struct.pack(">IIBB", shape[1], shape[0], 8, 2 if color else 0)
    if not data.startswith(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + header):
        raise ValueError(f"an image that is not a PNG file of shape {shape}")
    with _damage_as_value_error(), Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        return np.asarray(image.convert("RGB" if color else "L"))


def check_size(width: int, height: int) -> None:
    """Raises ValueError for an image that is too large to decode."""
    if width * height > MAX_PIXELS:
        got = f"one of {width:,} x {height:,} pixels"
        raise ValueError(f"{got}, more than the {MAX_PIXELS:,} that are allowed")


def blend_with_black(image: np.ndarray) -> np.ndarray:
    """Blends an image with alpha, uint8 (H, W, 4), with black: uint8 (H, W, 3)."""
    color, alpha = image[..., :3].astype(np.uint16), image[..., 3:].astype(np.uint16)
    return ((color * alpha + 127) // 255).astype(np.uint8)


@contextmanager
def _damage_as_value_error(path: Path | None = None) -> Iterator[None]:
    """Converts the many exceptions that Pillow raises for damaged files into ValueError."""
    damage = (EOFError, LookupError, OSError, SyntaxError, TypeError, ArithmeticError, struct.error)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except Image.DecompressionBombError:
            raise ValueError(f"an image of more than {MAX_PIXELS:,} pixels") from None
        except damage as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # raised by the system
            kind = "a file that is empty, damaged or of another format"
            if path and isinstance(error, UnidentifiedImageError) and _is_tiff(path):
                kind = "a TIFF file that is damaged or has values of neither 8 nor 16 bits"
            raise ValueError(kind) from None


def _is_tiff(path: Path) -> bool:
    return _head(path)[:4] in (b"II*\0", b"MM\0*")


def _to_rgb(image: Image.Image) -> np.ndarray:
    upright = ImageOps.exif_transpose(image)
    if upright.has_transparency_data:
        return blend_with_black(np.asarray(upright.convert("RGBA")))
    return np.asarray(upright.convert("RGB"))


def _to_8_bits(image: Image.Image, path: Path, significant_bits: int) -> Image.Image:
    """Converts the image to at most 8 bits per value. Raises as `read_image`."""
    bits = _stored_bits(image, path)
    if bits <= 8 and image.mode in _EIGHT_BIT_MODES:
        return image
    if bits > 16 or image.mode not in _EIGHT_BIT_MODES | _GRAY_16_MODES:
        raise ValueError(f"an image with {bits}-bit values (mode {image.mode}), not 8 or 16 bits")
    if "transparency" in image.info:
        raise ValueError("a 16-bit image in which one color stands for transparency")
    stated = _sbit(path) if image.format == "PNG" else bits
    values = _wide_values(image, path, low_bits=bool(significant_bits) or stated < 16)
    used = _used_bits(values, path, significant_bits, stated)
    small = Image.fromarray(_scaled(values, used))
    small.getexif()[_EXIF_ORIENTATION] = image.getexif().get(_EXIF_ORIENTATION, 1)
    return small


def _stored_bits(image: Image.Image, path: Path) -> int:
    """Number of bits per value in the file."""
    if image.format == "PNG":
        return _head(path)[24]  # in IHDR, which is always the first chunk
    if image.format == "TIFF":
        return max(image.tag_v2.get(_TIFF_BITS_PER_SAMPLE, (1,)))  # pyright: ignore[reportAttributeAccessIssue]
    return 16 if image.mode in _GRAY_16_MODES else 8  # Pillow scales PPM to one of these


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4096)


def _sbit(path: Path) -> int:
    """Number of significant bits from the sBIT chunk of a PNG file; 16 without this chunk."""
    head, at = _head(path), 8
    while at + 12 < len(head) and (kind := head[at + 4 : at + 8]) != b"IDAT":
        if kind == b"sBIT":
            return head[at + 8]
        at += 12 + int.from_bytes(head[at : at + 4], "big")
    return 16


def _wide_values(image: Image.Image, path: Path, low_bits: bool) -> np.ndarray:
    """uint16 (H, W), or (H, W, 3 or 4). Pillow drops the low bits of colors; OpenCV keeps them."""
    if image.mode in _GRAY_16_MODES:
        return np.asarray(image).astype(np.uint16)
    if not low_bits or image.format == "PPM":
        return np.asarray(image).astype(np.uint16) << 8
    if image.format != "PNG":
        raise ValueError(f"a {image.format} file with 16-bit colors that uses fewer than 16 bits")
    image.load()  # detects damage before libpng prints a message to the terminal
    with _opencv_silent():
        pixels = cv2.imdecode(np.fromfile(path, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16 or pixels.shape[:2] != image.size[::-1]:
        raise ValueError("an image that is damaged")
    order = [2, 1, 0, 3][: pixels.shape[2]] if pixels.ndim == 3 else ...
    return np.asarray(pixels)[..., order]


@contextmanager
def _opencv_silent() -> Iterator[None]:
    """Silences OpenCV's messages about files that doorlab reports itself."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def _used_bits(values: np.ndarray, path: Path, wanted: int, stated: int) -> int:
    """Number of bits in use. Raises DatasetError for values that contradict `wanted`."""
    peak = int(values[..., :3].max() if values.ndim == 3 else values.max())
    if wanted and peak >= 2**wanted:
        raise DatasetError(
            f"values of at most {2**wanted - 1} in {path}, for --significant-bits {wanted}",
            f"{peak}",
            "correct --significant-bits, and choose another --out",
        )
    if wanted or peak < 2**stated < 2**16:
        return wanted or stated
    if peak < _NEARLY_BLACK:
        raise DatasetError(
            f"a 16-bit image that is not nearly black at {path}",
            f"values of at most {peak} out of {2**16 - 1}",
            "set the number of bits in use with --significant-bits (for example 12; 16 if the "
            "image really is that dark), and choose another --out",
        )
    return 16


def _scaled(values: np.ndarray, bits: int) -> np.ndarray:
    """Scales uint16 values that use `bits` bits to uint8."""
    scaled = (values >> (bits - 8)).astype(np.uint8)
    if values.ndim == 3 and values.shape[2] == 4 and values[..., 3].max() >= 2**bits:
        scaled[..., 3] = values[..., 3] >> 8
    return scaled
