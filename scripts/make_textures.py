"""Generates the textures in assets/textures: seamless gray tiles, which are multiplied with colors.

The textures are computed from waves and seeded noise; they contain no photographs or copies.
"""

from pathlib import Path

import cv2
import numpy as np

SIZE = 64  # pixels to a side
_Y, _X = np.mgrid[:SIZE, :SIZE] / SIZE

Shade = np.ndarray  # float (SIZE, SIZE); 1 keeps a color unchanged


def noise(seed: int, columns: int, rows: int) -> Shade:
    """Smooth noise in [-1, 1] that repeats, with so many bumps along x and y."""
    rng = np.random.default_rng(seed)
    total = np.zeros((SIZE, SIZE))
    for _ in range(12):
        u, v = rng.integers(-columns, columns + 1), rng.integers(-rows, rows + 1)
        total += np.cos(2 * np.pi * (u * _X + v * _Y + rng.random()))
    return total / np.abs(total).max()


def joints(columns: int, rows: int, width: float, shift: float = 0.0) -> np.ndarray:
    """Mask of the joints between blocks; every other row is shifted by a fraction of a block."""
    row = np.floor(_Y * rows)
    along = _X * columns + shift * (row % 2)
    across = (_Y * rows) % 1
    return ((along % 1) < width * columns) | (across < width * rows)


def block_shades(seed: int, columns: int, rows: int, shift: float, spread: float) -> Shade:
    """One random shade per block."""
    table = np.random.default_rng(seed).uniform(1 - spread, 1, (rows, columns))
    row = np.floor(_Y * rows).astype(int)
    column = np.floor(_X * columns + shift * (row % 2)).astype(int) % columns
    return table[row, column]


def textures() -> dict[str, Shade]:
    """Every texture by its name in `doors.door.Texture`."""
    grain = 0.5 + 0.5 * np.cos(2 * np.pi * (6 * _X + 0.6 * noise(1, 1, 2)))
    veins = np.abs(noise(2, 3, 3) + 0.4 * noise(3, 7, 7))
    return {
        "wood": 0.78 + 0.2 * grain,
        "planks": np.where(joints(4, 1, 0.02), 0.55, block_shades(4, 4, 1, 0.0, 0.25)),
        "plaster": 0.92 + 0.08 * noise(5, 9, 9),
        "brick": np.where(joints(2, 4, 0.04, 0.5), 0.6, block_shades(6, 2, 4, 0.5, 0.25)),
        "tiles": np.where(joints(2, 2, 0.03), 0.65, block_shades(7, 2, 2, 0.0, 0.1)),
        "carpet": 0.85 + 0.15 * noise(8, 16, 16),
        "marble": 0.6 + 0.4 * np.clip(3 * veins, 0, 1),
        "stripes": np.where((_X * 4) % 1 < 0.5, 1.0, 0.6),
    }


def main() -> None:
    """Writes every texture as a PNG."""
    folder = Path(__file__).parents[1] / "assets" / "textures"
    folder.mkdir(exist_ok=True)
    for name, shade in textures().items():
        grey = np.clip(255 * shade, 0, 255).round().astype(np.uint8)
        cv2.imwrite(str(folder / f"{name}.png"), np.repeat(grey[..., None], 3, axis=2))


if __name__ == "__main__":
    main()
