"""Checks exports with the library lerobot: `python scripts/check_lerobot.py FOLDER [FOLDER ...]`.

FOLDER is an output of `doorlab export --format lerobot`. The script reads every frame with
`LeRobotDataset`, compares it with the files that doorlab wrote, and prints one line per folder. It
needs lerobot (Python 3.12 or later) and neither doorlab nor a network:

    pip install 'lerobot[dataset]'
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from PIL import Image


def main(folders: list[str]) -> int:
    """Checks the folders; returns the exit status."""
    if not folders:
        print(__doc__)
        return 2
    for folder in folders:
        print(f"{folder}: {check(Path(folder))}")
    return 0


def check(root: Path) -> str:
    """Compares every frame of a dataset with its files; returns a summary.

    Raises AssertionError for a difference.
    """
    from lerobot.datasets.lerobot_dataset import (  # pyright: ignore[reportMissingImports]
        LeRobotDataset,
    )

    info = json.loads((root / "meta/info.json").read_text())
    dataset = LeRobotDataset("doorlab/export", root=root)
    assert dataset.num_frames == len(dataset) == info["total_frames"]
    assert dataset.num_episodes == info["total_episodes"]
    camera = dataset.meta.camera_keys[0]
    rows = [row for file in sorted(root.glob("data/*/*.parquet")) for row in _rows(file)]
    for number, row in enumerate(rows):
        _compare(dataset[number], row, info, camera)
    _check_episodes(dataset, rows)
    _check_statistics(dataset)
    _check_windows(LeRobotDataset, root, camera, info["fps"])
    kind = {"image": "equal images", "video": "videos"}[info["features"][camera]["dtype"]]
    return f"{len(rows)} frames of {dataset.num_episodes} episodes with {kind}: no differences"


def _rows(file: Path) -> list[dict[str, Any]]:
    return pq.read_table(file).to_pylist()


def _compare(item: dict[str, Any], row: dict[str, Any], info: dict[str, Any], camera: str) -> None:
    """Compares one frame: numbers and PNG images have to be equal."""
    assert item["task"]
    for name, feature in info["features"].items():
        if name != camera:
            kind = feature["dtype"].replace("float64", "float32")  # LeRobot returns float32
            wanted = np.asarray(row[name], dtype=kind)
            np.testing.assert_array_equal(item[name].numpy(), wanted, err_msg=name)
    image = item[camera].numpy()
    assert image.shape == (3, *info["features"][camera]["shape"][:2])
    if camera not in row:
        assert image.std() > 0
        return
    stored = np.asarray(Image.open(io.BytesIO(row[camera]["bytes"])).convert("RGB"))
    np.testing.assert_array_equal((image * 255).round().astype(np.uint8), np.moveaxis(stored, 2, 0))


def _check_episodes(dataset: Any, rows: list[dict[str, Any]]) -> None:
    """The ranges of the episodes cover all frames; columns of doors are kept."""
    last = 0
    for number, episode in enumerate(dataset.meta.episodes):
        assert episode["episode_index"] == number
        assert episode["dataset_from_index"] == last
        last = episode["dataset_to_index"]
        indices = [row["frame_index"] for row in rows[episode["dataset_from_index"] : last]]
        assert indices == list(range(episode["length"]))
        assert "door/index" in episode
    assert last == len(rows)


def _check_statistics(dataset: Any) -> None:
    """The stored statistics of numbers are those of the frames."""
    for name, feature in dataset.meta.features.items():
        stored = dataset.meta.stats[name]
        assert {"min", "max", "mean", "std", "count", "q01", "q99"} <= set(stored), name
        if feature["dtype"] in ("image", "video"):
            assert stored["mean"].shape == (3, 1, 1)
            continue
        values = np.array(dataset.hf_dataset.with_format("numpy")[name], dtype=np.float64)
        np.testing.assert_allclose(stored["mean"], values.reshape(len(values), -1).mean(0))


def _check_windows(kind: Any, root: Path, camera: str, fps: int) -> None:
    """Windows over time and batches, as policies read them."""
    from torch.utils.data import DataLoader

    windows = {camera: [-1 / fps, 0.0]}
    dataset = kind("doorlab/export", root=root, delta_timestamps=windows)
    batch = next(iter(DataLoader(dataset, batch_size=4)))
    assert batch[camera].shape[:3] == (4, 2, 3)
    assert batch[f"{camera}_is_pad"].tolist() == [[True, False], *[[False, False]] * 3]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
