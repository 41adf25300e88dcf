"""A dataset of doors that a fake simulator made, and exports of it."""

from helpers.fake_dataset import _written, config, dataset
from helpers.lerobot_exports import films, frames, videos

__all__ = ["_written", "config", "dataset", "films", "frames", "videos"]
