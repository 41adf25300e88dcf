"""A dataset of doors that a fake simulator made, and a Ray cluster of two machines."""

from helpers.fake_dataset import _written, config, dataset
from helpers.ray_cluster import _started, cluster

__all__ = ["_started", "_written", "cluster", "config", "dataset"]
