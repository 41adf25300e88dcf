"""A Ray cluster of two machines."""

from helpers.ray_cluster import _started, cluster

__all__ = ["_started", "cluster"]
