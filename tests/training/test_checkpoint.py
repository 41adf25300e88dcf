import signal
import subprocess
import sys
import time

import pytest
import torch
from torch import nn

from doorlab.errors import CheckpointError
from doorlab.run_layout import CHECKPOINT_FILE
from doorlab.storage.state_file import save_state
from doorlab.training import checkpoint
from doorlab.training.checkpoint import (
    FORMAT,
    Checkpoint,
    check_fit,
    load_checkpoint,
    save_checkpoint,
)
from doorlab.training.metric_logger import MetricLogger


def make(**changes):
    weights = {"w": torch.arange(6.0).view(2, 3)}
    moments = {0: {name: torch.ones(2, 3) for name in ("exp_avg", "exp_avg_sq")}}
    moments[0]["step"] = torch.tensor(7.0)
    journal = MetricLogger(None)
    journal.add({"loss": torch.tensor(0.5)})
    best = {"step": 4, "error": 0.25, "weights": weights}
    whole = {
        "step": 7, "model": weights, "moments": moments, "journal": journal.state(),
        "settings": {"name": "toy"}, "best": best,
    }  # fmt: skip
    return Checkpoint(**{**whole, **changes})


def test_checkpoint_round_trips_through_file(tmp_path):
    save_checkpoint(tmp_path, make())
    found = load_checkpoint(tmp_path)
    assert found is not None
    assert found.step == 7
    assert torch.equal(found.model["w"], make().model["w"])
    assert found.settings == {"name": "toy"}


def test_load_checkpoint_of_empty_folder_is_none(tmp_path):
    assert load_checkpoint(tmp_path) is None


@pytest.mark.parametrize("damage", ["cut", "garbage", "empty", "flipped"])
def test_load_checkpoint_rejects_damaged_file(tmp_path, damage):
    save_checkpoint(tmp_path, make())
    path = tmp_path / CHECKPOINT_FILE
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[-30] ^= 64  # in the weights
    damaged = {"cut": whole[: len(whole) // 2], "garbage": b"not a checkpoint", "flipped": flipped}
    path.write_bytes(damaged.get(damage, b""))
    with pytest.raises(CheckpointError, match=r"an intact checkpoint in .*. Start .* --overwrite"):
        load_checkpoint(tmp_path)


def test_load_checkpoint_rejects_other_format(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "FORMAT", FORMAT + 1)
        save_checkpoint(tmp_path, make())
    with pytest.raises(CheckpointError, match=r"of format 3, not 2.*--overwrite"):
        load_checkpoint(tmp_path)


WEIGHTS = make().model


@pytest.mark.parametrize(
    "changes",
    [
        {"step": "x"}, {"step": 2.5}, {"step": -1}, {"step": True},
        {"model": []}, {"model": {"w": 1}},
        {"moments": [1]}, {"moments": {0: 1}},
        {"journal": {}}, {"journal": {**make().journal, "train": [{"step": "x"}]}},
        {"journal": {**make().journal, "counts": {}}},
        {"settings": []}, {"settings": "x"},
        {"best": {}}, {"best": 5}, {"best": {"step": 1, "error": "x", "weights": WEIGHTS}},
    ],
)  # fmt: skip
def test_load_checkpoint_rejects_invalid_contents_in_one_line(tmp_path, changes):
    state = {**vars(make()), **changes}
    save_state(tmp_path / CHECKPOINT_FILE, "checkpoint", FORMAT, state)
    (name,) = changes
    with pytest.raises(CheckpointError, match=f"got {name} of another form. Start"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"step": 10**9}, "a run of 20 steps in .* got a checkpoint of step 1000000000"),
        ({"model": {}}, "weights of other names or sizes"),
        ({"model": {"w": torch.ones(3, 2)}}, "weights of other names or sizes"),
        ({"best": {"step": 1, "error": 0.5, "weights": {}}}, "weights of other names"),
        ({"moments": {3: make().moments[0]}}, "weights of other names"),
        ({"moments": {0: {"step": torch.tensor(1.0)}}}, "weights of other names"),
    ],
)
def test_check_fit_rejects_other_model_and_longer_run(tmp_path, changes, words):
    module = nn.Module()
    module.w = nn.Parameter(torch.zeros(2, 3))
    check_fit(tmp_path, make(), module, [module.w], 20)
    with pytest.raises(CheckpointError, match=words):
        check_fit(tmp_path, make(**changes), module, [module.w], 20)


def test_save_checkpoint_is_atomic_under_kill(tmp_path):
    """A process that only writes checkpoints is killed by SIGKILL."""
    code = (
        "import sys, torch\n"
        "from pathlib import Path\n"
        "from doorlab.training.checkpoint import Checkpoint, save_checkpoint\n"
        "from doorlab.training.metric_logger import MetricLogger\n"
        "step, journal = 0, MetricLogger(None).state()\n"
        "while True:\n"
        "    step += 1\n"
        "    weights = {'w': torch.full((200_000,), float(step))}\n"
        "    save_checkpoint(Path(sys.argv[1]), Checkpoint(step, weights, {}, journal, {}, None))\n"
        "    print(step, flush=True)\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    with writer:
        assert writer.stdout is not None
        while int(writer.stdout.readline()) < 3:
            pass
        time.sleep(0.007)
        writer.send_signal(signal.SIGKILL)
    found = load_checkpoint(tmp_path)
    assert found is not None
    assert torch.equal(found.model["w"], torch.full((200_000,), float(found.step)))
