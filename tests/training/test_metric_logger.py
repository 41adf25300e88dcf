import functools
import os
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from doorlab.storage.text_paths import TextPath
from doorlab.training import MetricLogger, curves

CPU = torch.device("cpu")


def test_metric_logger_records_means_over_interval():
    journal = MetricLogger(None)
    for value in (1.0, 2.0, 6.0):
        journal.add({"loss": torch.tensor(value)})
    journal.flush(3, learning_rate=0.1)
    journal.add({"loss": torch.tensor(5.0)})
    journal.flush(4)
    assert journal.train == [
        {"step": 3, "loss": 3.0, "learning_rate": 0.1},
        {"step": 4, "loss": 5.0},
    ]


def test_metric_logger_averages_occasional_scalars_over_their_steps():
    journal = MetricLogger(None)
    journal.add({"loss": torch.tensor(1.0), "kl": torch.tensor(5.0)})
    for _ in range(3):
        journal.add({"loss": torch.tensor(1.0)})
    journal.flush(4)
    assert journal.train == [{"step": 4, "loss": 1.0, "kl": 5.0}]


def test_metric_logger_flush_averages_over_processes():
    journal = MetricLogger(None)
    journal.add({"a": torch.tensor(1.0), "b": torch.tensor(3.0)})
    journal.flush(1, average=lambda values: values * 2)
    assert journal.train == [{"step": 1, "a": 2.0, "b": 6.0}]


def test_metric_logger_restores_within_interval():
    whole, before = MetricLogger(None), MetricLogger(None)
    values = torch.rand(10)
    for value in values:
        whole.add({"loss": value})
    for value in values[:4]:
        before.add({"loss": value})
    after = MetricLogger(None)
    after.restore(before.state(), CPU)
    for value in values[4:]:
        after.add({"loss": value})
    whole.flush(10)
    after.flush(10)
    assert after.history() == whole.history()


@pytest.mark.parametrize("name", [b"run", b"r\xfcn"])
def test_metric_logger_writes_readable_tensorboard_files(tmp_path, name):
    folder = tmp_path / os.fsdecode(name)
    journal = MetricLogger(folder)
    journal.add({"loss": torch.tensor(4.0)})
    journal.flush(5)
    journal.log_validation(5, {"error": 0.25})
    journal.measure(5, steps_per_second=9.0)
    journal.close()
    path = TextPath(folder / "tensorboard")
    events = EventAccumulator(path.path).Reload()
    for tag, value in (("train/loss", 4.0), ("validation/error", 0.25)):
        (scalar,) = events.Scalars(tag)
        assert (scalar.step, scalar.value) == (5, pytest.approx(value))
    assert "speed/steps_per_second" in events.Tags()["scalars"]
    assert "steps_per_second" not in str(journal.history())


def test_metric_logger_of_resumed_run_hides_later_steps_of_killed_one(tmp_path):
    for steps in ((2, 4, 6), (4, 8)):  # the second was resumed from a checkpoint after step 3
        journal = MetricLogger(tmp_path)
        for step in steps:
            journal.log_validation(step, {"error": 10.0 * len(steps) + step})
        journal.close()
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    shown = [(scalar.step, scalar.value) for scalar in events.Scalars("validation/error")]
    assert shown == [(2, 32.0), (4, 24.0), (8, 28.0)]


@pytest.mark.parametrize("refusal", ["a full disk", "no permission"])
def test_metric_logger_continues_without_writable_curves(tmp_path, monkeypatch, caplog, refusal):
    if refusal == "a full disk":
        if not Path("/dev/full").exists():
            pytest.skip("no device that is always full")
        full = functools.partial(open, "/dev/full", "wb")
        monkeypatch.setattr(curves, "open", lambda *_: full(), raising=False)
    else:
        (tmp_path / "tensorboard").touch()  # a file where the folder should be
    journal = MetricLogger(tmp_path)
    for step in (1, 2, 3):
        journal.log_validation(step, {"error": 0.5})
    journal.close()
    (warning,) = caplog.messages
    assert "training continues" in warning
    assert len(journal.validation) == 3
