"""A Ray cluster of two machines for tests: fixtures."""

import os
import sys

import pytest

from doorlab.runtime.signals import handlers_kept

QUICK_DEATHS = {"health_check_period_ms": 500, "health_check_failure_threshold": 2}


@pytest.fixture(scope="module")
def _started():
    """Two machines of one CPU each, the first with a GPU; or what Ray takes for such.

    Ray's handler of SIGTERM is removed: forks of this process would wait in it forever.
    """
    ray = pytest.importorskip("ray")
    Cluster = pytest.importorskip("ray.cluster_utils").Cluster
    with pytest.MonkeyPatch.context() as patch, handlers_kept():
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # workers import the fakes, too
        cluster = Cluster()
        settings = {"include_dashboard": False, "_system_config": QUICK_DEATHS}
        cluster.add_node(num_cpus=1, num_gpus=1, **settings)
        cluster.add_node(num_cpus=1)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture
def cluster(_started, monkeypatch):
    """The cluster; launchers find it by its address."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.setenv("RAY_ADDRESS", _started.address)
    return _started
