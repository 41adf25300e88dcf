import os
import sys

import pytest
import torch
from helpers.left_by_launchers import SLURM, TORCHRUN
from lightning_fabric import Fabric
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from doorlab.errors import ConfigError, TrainingError, WorkerError
from doorlab.runtime.devices import resolve_device
from doorlab.training import ComputeConfig, launch


def test_launch_passes_arguments_and_sets_threads():
    before = torch.get_num_threads()

    def work(fabric, a, b):
        return a + b, str(fabric.device), torch.get_num_threads()

    config = ComputeConfig(device="cpu", threads=before + 1)
    assert launch(work, config, 2, 3) == (5, "cpu", before + 1)
    assert torch.get_num_threads() == before


def numbering(fabric):
    return fabric.global_rank, fabric.world_size, str(fabric.device)


@pytest.mark.parametrize("left", [SLURM, TORCHRUN, {"LT_DEVICES": "3", "LT_CLI_USED": "1"}])
def test_launch_ignores_variables_of_other_launchers(monkeypatch, left):
    for name, value in left.items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    assert launch(numbering, ComputeConfig(device="cpu")) == (0, 1, "cpu")
    assert dict(os.environ) == before


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_launch_rejects_missing_device():
    with pytest.raises(ConfigError, match="--device auto or one of cpu"):
        launch(lambda fabric: None, ComputeConfig(device="cuda"))


def test_launch_rejects_several_devices_in_notebook(monkeypatch):
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    with pytest.raises(ConfigError, match="run this as a script"):
        launch(numbering, ComputeConfig(device="cpu", devices=2))
    assert launch(numbering, ComputeConfig(device="cpu")) == (0, 1, "cpu")


@pytest.mark.parametrize(
    ("cards", "name", "found"),
    [
        (0, "auto", "cpu"),
        (0, "cpu", "cpu"),
        (2, "auto", "cuda"),
        (2, "cpu", "cpu"),
        (2, "cuda:1", "cuda:1"),
    ],
)
def test_resolve_device_auto_prefers_cuda(monkeypatch, cards, name, found):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cards > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cards)
    assert resolve_device(name) == found
    with pytest.raises(ConfigError, match=r"--device auto or one of cpu.*got cuda:2"):
        resolve_device("cuda:2")


def test_launch_reports_failed_process_in_one_line(monkeypatch):
    def fail(fabric, function):
        trace = "\n\n-- Process 1 terminated:\nTraceback (most recent call last):\n  ...\n"
        raise ProcessRaisedException(f"{trace}TrainingError: at step 6\n", 1, 4711)

    monkeypatch.setattr(Fabric, "launch", fail)
    with pytest.raises(
        TrainingError, match=r"all 2 processes to end well, but got .*at step 6"
    ) as caught:
        launch(print, ComputeConfig(device="cpu", devices=2))
    assert "\n" not in str(caught.value)


def test_launch_explains_processes_that_never_started(monkeypatch):
    """Processes of a script without a main guard end while they import it."""

    def end_early(fabric, function):
        raise ProcessExitedException("process 0 terminated with exit code 1", 0, 4711, 1, None)

    monkeypatch.setattr(Fabric, "launch", end_early)
    with pytest.raises(WorkerError, match=r"if __name__ == '__main__':.* or use --devices 1"):
        launch(print, ComputeConfig(device="cpu", devices=2))
