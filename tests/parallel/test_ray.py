import os
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from helpers.fake_simulator import (
    CONFIG,
    ITEMS,
    double,
    fail_on_c,
    kill_always,
    kill_once,
    make_fake,
    make_telling,
    mark_and_kill_first,
    place_of_worker,
    sleep_unless_quick,
    tree,
)
from helpers.liveness import alive, pids, wait_until

from doorlab.data import write_dataset
from doorlab.errors import ConfigError, WorkerError
from doorlab.parallel.launchers import LAUNCHERS, get_launcher, run_items

ray = pytest.importorskip("ray")
run_on_ray = get_launcher("ray")


@pytest.fixture
def connected(cluster):
    if not ray.is_initialized():
        ray.init(log_to_driver=False, logging_level="error")
    yield cluster
    ray.shutdown()


@pytest.mark.parametrize("workers", [0, 1, 5])
def test_run_on_ray_processes_every_item_once(connected, workers):
    assert sorted(run_on_ray(double, ITEMS, workers)) == ["aa", "bb", "cc", "dd", "ee"]


def test_run_on_ray_accepts_no_items(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "nowhere")
    assert list(run_on_ray(double, [], 2)) == []


def test_run_on_ray_propagates_original_errors(connected):
    with pytest.raises(ValueError, match="c is bad") as caught:
        list(run_on_ray(fail_on_c, ITEMS, 2))
    assert type(caught.value) is ValueError


def test_run_on_ray_replaces_killed_workers(connected, tmp_path):
    items = [str(tmp_path / name) for name in "abc"]  # a process dies at the first sight of each
    assert sorted(run_on_ray(kill_once, items, 2)) == items


def test_run_items_on_ray_repeats_only_items_of_killed_workers(connected, tmp_path):
    items = [str(tmp_path / name) for name in "abcd"]
    assert sorted(run_items("ray", mark_and_kill_first, items, 0, tmp_path)) == items
    starts = sorted(Path(item).read_text() for item in items)
    assert starts == ["begun ", "begun ", "begun ", "begun begun "]
    assert not list(tmp_path.glob(".shared.*"))


def test_run_on_ray_works_in_folder_and_threads_of_launching_process(
    connected, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    ((folder, threads, gpus),) = run_on_ray(place_of_worker, ["a"], 1)
    assert (Path(folder), threads, gpus) == (tmp_path, "3", "")


def test_run_on_ray_reports_missing_working_directory(connected, tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    monkeypatch.setattr(os, "getcwd", lambda: "/nowhere")  # as on a machine without this disk
    with pytest.raises(ConfigError, match="working directory /nowhere on a disk that all"):
        list(run_on_ray(double, ITEMS, 1))


def test_run_on_ray_reserves_shares_of_gpu(connected):
    """The machine with the GPU has one CPU, so that one worker at a time uses it."""
    found = list(run_on_ray(place_of_worker, ["a", "b"], 0, gpus=0.5))
    assert [gpus for _, _, gpus in found] == ["0", "0"]
    with pytest.raises(ConfigError, match="cluster with 2 GPUs or more, but got 1"):
        list(run_on_ray(double, ITEMS, 0, gpus=2.0))


def test_run_on_ray_stops_after_repeated_deaths(connected):
    with pytest.raises(WorkerError, match="--workers"):
        list(run_on_ray(kill_always, ["a", "b"], 2))


def test_run_on_ray_stops_workers_when_closed(connected, tmp_path):
    results = run_on_ray(sleep_unless_quick, ["quick", str(tmp_path / "slow")], 2)
    assert next(results) == "quick"
    (worker,) = pids([tmp_path / "slow"])
    results.close()
    wait_until(lambda: not alive(worker), seconds=5.0)
    wait_until(lambda: ray.available_resources().get("CPU") == 2.0)  # for the next one


def test_run_on_ray_workers_end_with_killed_parent(cluster, tmp_path):
    files = [tmp_path / "a", tmp_path / "b"]
    code = (
        "from doorlab.parallel.ray import run_on_ray\n"
        "from helpers.fake_simulator import sleep_unless_quick\n"
        f"list(run_on_ray(sleep_unless_quick, {[str(f) for f in files]!r}, 2))"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    workers = pids(files)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_until(lambda: not any(map(alive, workers)), seconds=15.0)


def test_run_on_ray_output_is_independent_of_lost_machine(cluster, tmp_path, monkeypatch):
    seen = tmp_path / "seen"

    def workers_seen():
        return {int(file.name) for file in seen.iterdir()} - {os.getpid()}

    def run_and_lose_a_machine(work, items, workers, gpus):
        whole = True
        for result in run_on_ray(work, items, workers, gpus):
            yield result
            if whole and len(workers_seen()) == 2:  # both machines are at work
                cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
                whole = False
        assert not whole
        assert [alive(worker) for worker in workers_seen()].count(False) >= 1

    config = replace(CONFIG, doors=40, shard_doors=1)
    seen.mkdir()
    monkeypatch.setitem(LAUNCHERS, "fatal", lambda: run_and_lose_a_machine)
    telling = partial(make_telling, str(seen))
    one = write_dataset(tmp_path / "one", config, simulator=make_fake)
    two = write_dataset(tmp_path / "two", config, workers=0, launcher="fatal", simulator=telling)
    cluster.add_node(num_cpus=1)
    assert one.checksum == two.checksum
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_run_on_ray_starts_and_stops_own_cluster(tmp_path, config, dataset, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "local")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.delenv("RAY_USAGE_STATS_ENABLED", raising=False)
    monkeypatch.chdir(tmp_path)
    environment, handler = dict(os.environ), signal.getsignal(signal.SIGTERM)
    write_dataset("d", config, workers=2, launcher="ray", simulator=make_fake)
    assert tree("d") == tree(dataset.path)
    assert not ray.is_initialized()
    assert (dict(os.environ), signal.getsignal(signal.SIGTERM)) == (environment, handler)


def test_run_on_ray_reports_unreachable_address_in_one_line(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(ConfigError, match="RAY_ADDRESS") as caught:
        list(run_on_ray(double, ITEMS, 2))
    assert "\n" not in str(caught.value)


def test_run_on_ray_reports_failed_start_in_one_line(monkeypatch):
    """Ray raises a plain exception if a loaded machine does not start a node in half a minute."""

    def init(**options):
        raise Exception("The current node timed out\nduring startup.")

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setenv("RAY_ADDRESS", "local")
    with pytest.raises(ConfigError, match="timed out during startup") as caught:
        list(run_on_ray(double, ITEMS, 2))
    assert "\n" not in str(caught.value)
