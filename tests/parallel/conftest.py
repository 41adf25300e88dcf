"""A dataset of doors that a fake simulator made."""

from helpers.fake_dataset import _written, config, dataset

__all__ = ["_written", "config", "dataset"]
