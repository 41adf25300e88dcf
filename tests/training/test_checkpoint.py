import pickle
import signal
import subprocess
import sys
import time

import pytest
import torch

from doorlab.errors import CheckpointError
from doorlab.training.checkpoint import (
    CHECKPOINT_FILE,
    FORMAT,
    Checkpoint,
    load_checkpoint,
    save_checkpoint,
)


def make(step=7):
    weights = {"w": torch.arange(6.0).view(2, 3)}
    return Checkpoint(step, weights, {"state": {}}, {"train": []}, {"name": "toy"}, None)


def test_what_is_written_is_read(tmp_path):
    save_checkpoint(tmp_path, make())
    found = load_checkpoint(tmp_path)
    assert found is not None
    assert found.step == 7
    assert torch.equal(found.model["w"], make().model["w"])
    assert found.settings == {"name": "toy"}


def test_no_checkpoint_is_no_error(tmp_path):
    assert load_checkpoint(tmp_path) is None


@pytest.mark.parametrize("damage", ["cut", "garbage", "empty", "other", "tensor"])
def test_damage_is_told(tmp_path, damage):
    save_checkpoint(tmp_path, make())
    path = tmp_path / CHECKPOINT_FILE
    whole = path.read_bytes()
    path.write_bytes(
        {"cut": whole[: len(whole) // 2], "garbage": b"not a checkpoint", "empty": b""}.get(
            damage, b""
        )
    )
    if damage == "other":
        torch.save({"weights": torch.zeros(1)}, path)
    if damage == "tensor":
        torch.save(torch.zeros(1), path)
    with pytest.raises(CheckpointError, match="a checkpoint in"):
        load_checkpoint(tmp_path)


def test_those_of_another_version_are_refused(tmp_path):
    torch.save({"format": FORMAT + 1, **vars(make())}, tmp_path / CHECKPOINT_FILE)
    with pytest.raises(CheckpointError, match=r"another version.*--overwrite"):
        load_checkpoint(tmp_path)


def test_reading_one_runs_no_foreign_code(tmp_path):
    class Trap:
        def __reduce__(self):
            return (print, ("trapped",))

    state = {"format": FORMAT, **vars(make()), "model": Trap()}
    torch.save(state, tmp_path / CHECKPOINT_FILE, pickle_module=pickle)
    with pytest.raises(CheckpointError, match="Weights only"):
        load_checkpoint(tmp_path)


def test_killed_while_writing_leaves_a_whole_one(tmp_path):
    """SIGKILL at a process that does nothing but write checkpoints."""
    code = (
        "import sys, torch\n"
        "from pathlib import Path\n"
        "from doorlab.training.checkpoint import Checkpoint, save_checkpoint\n"
        "step = 0\n"
        "while True:\n"
        "    step += 1\n"
        "    weights = {'w': torch.full((200_000,), float(step))}\n"
        "    save_checkpoint(Path(sys.argv[1]), Checkpoint(step, weights, {}, {}, {}, None))\n"
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
