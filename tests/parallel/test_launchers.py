import errno
import multiprocessing.synchronize
import os
import signal
import subprocess
import sys

import pytest
from helpers.fake_simulator import (
    ITEMS,
    double,
    fail_on_c,
    kill_always,
    kill_once,
    sleep_unless_quick,
    threads_of_libraries,
)
from helpers.liveness import alive, pids, wait_until

from doorlab.cli import main
from doorlab.errors import ConfigError, WorkerError
from doorlab.parallel.launchers import count_workers, get_launcher, run_local


@pytest.mark.parametrize("workers", [1, 2])
def test_run_local_processes_every_item_once(workers):
    assert sorted(run_local(double, ITEMS, workers)) == ["aa", "bb", "cc", "dd", "ee"]


def test_run_local_accepts_no_items():
    assert list(run_local(double, [], 2)) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_run_local_propagates_errors(workers):
    with pytest.raises(ValueError, match="c is bad"):
        list(run_local(fail_on_c, ITEMS, workers))


def test_run_local_replaces_killed_workers(tmp_path):
    items = [str(tmp_path / name) for name in "abc"]  # a process dies at the first sight of each
    assert sorted(run_local(kill_once, items, 2)) == items


def test_run_local_stops_after_repeated_deaths():
    with pytest.raises(WorkerError, match="command again, with --resume if it has"):
        list(run_local(kill_always, ["a", "b"], 2))


UNGUARDED = """
from doorlab.parallel.launchers import run_local
from helpers.fake_simulator import double
print("the script runs")
print(list(run_local(double, ["a", "b"], 2)))
"""


@pytest.mark.parametrize("written", ["in a file", "on standard input"])
def test_run_local_explains_missing_main_guard(tmp_path, written):
    """Workers import the script, and would start workers of their own."""
    file = tmp_path / "script.py"
    file.write_text(UNGUARDED)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with open(file) as script:
        done = subprocess.run(
            [sys.executable, *([file] if written == "in a file" else [])],
            stdin=script, capture_output=True, text=True, env=environment, check=False,
        )  # fmt: skip
    message = done.stderr.splitlines()[-1]
    assert "WorkerError" in message
    assert "if __name__ == '__main__':" in message
    assert done.stdout.count("the script runs") <= 3  # in itself and in two workers
    if written == "in a file":
        assert done.stderr.count("Traceback") == 1


@pytest.mark.parametrize(
    ("number", "fix"),
    [
        (errno.EROFS, "Make /dev/shm writable, or use --workers 1"),
        (errno.EAGAIN, "Reduce --workers"),
    ],
)
def test_run_local_reports_failed_start_of_workers_in_one_line(monkeypatch, number, fix):
    def refuse(*args, **options):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(multiprocessing.synchronize.SemLock, "__init__", refuse)
    with pytest.raises(ConfigError, match=f"got .*{os.strerror(number)}. {fix}"):
        list(run_local(double, ["a", "b"], 2))
    assert list(run_local(double, ["a", "b"], 1)) == ["aa", "bb"]


def test_run_local_workers_end_with_killed_parent(tmp_path):
    files = [tmp_path / "a", tmp_path / "b"]
    code = (
        "from doorlab.parallel.launchers import run_local\n"
        "from helpers.fake_simulator import sleep_unless_quick\n"
        f"list(run_local(sleep_unless_quick, {[str(f) for f in files]!r}, 2))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen([sys.executable, "-c", code], env=environment)
    workers = pids(files)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_until(lambda: not any(map(alive, workers)), seconds=5.0)


def test_run_local_stops_workers_when_closed(tmp_path):
    results = run_local(sleep_unless_quick, ["quick", str(tmp_path / "slow")], 2)
    assert next(results) == "quick"
    (worker,) = pids([tmp_path / "slow"])
    results.close()
    wait_until(lambda: not alive(worker), seconds=5.0)


@pytest.mark.parametrize("decided", [None, "3"])
def test_run_local_workers_share_cores(monkeypatch, decided):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if decided:
        monkeypatch.setenv("OMP_NUM_THREADS", decided)
    found = set(run_local(threads_of_libraries, ["a", "b"], 2))
    assert found == {decided or str(max(1, count_workers(0) // 2))}
    assert os.environ.get("OMP_NUM_THREADS") == decided


def test_count_workers_accepts_zero_and_rejects_negative():
    assert count_workers(3) == 3
    assert count_workers(0) >= 1
    with pytest.raises(ConfigError, match="--workers"):
        count_workers(-1)


def test_get_launcher_rejects_unknown_name():
    assert get_launcher("local") is run_local
    with pytest.raises(ConfigError, match="local"):
        get_launcher("locla")


def test_generate_command_without_ray_names_extra_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)  # what imports of it then say is "not found"
    monkeypatch.delitem(sys.modules, "doorlab.parallel.ray", raising=False)
    assert main(["generate", "--launcher", "ray", "--out", str(tmp_path / "d")]) == 2
    message = capsys.readouterr().err
    assert "pip install 'doorlab[ray]'" in message
    assert message.count("\n") == 1
    assert list(tmp_path.iterdir()) == []  # before a file is touched
