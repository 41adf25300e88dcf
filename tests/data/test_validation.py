"""Numbers that no simulator makes, in datasets with right checksums."""

import json
import shutil

import numpy as np
import pytest
from helpers.fake_simulator import CONFIG, FakeSimulator

from doorlab.cli import main
from doorlab.data import DoorDataset, write_dataset
from doorlab.data.hub.card import CardInfo
from doorlab.data.hub.export import export_dataset, restore_dataset
from doorlab.data.manifest import Manifest
from doorlab.data.schema import ARRAYS
from doorlab.data.shards import write_shard
from doorlab.data.sources.simulation import make_shard
from doorlab.data.tensors.batches import DoorData
from doorlab.data.validation import check_values
from doorlab.errors import DatasetError

# Array -> place in the second shard (doors 4 to 7), value that is put there, what is said of it.
WRONG = {
    "rewards": ((1, 2), 2.0, "2.0 for door 5"),
    "actions": ((0, 1, 3), 50.0, "50.0 for door 4"),
    "optimal_reward": ((2,), np.nan, "nan for door 6"),
    "joint_position": ((2, 0), -0.5, "-0.5 for door 6"),
    "view": ((3, 0, 6), np.inf, "inf for door 7"),
    "door/handle_type": ((1,), 7, "7 for door 5"),
    "door/appearance/wall_texture": ((1,), 255, "255 for door 5"),
    "door/latch_direction": ((1,), 3, "3 for door 5"),
    "door/width": ((0,), -1.0, "-1.0 for door 4"),
    "door/mass": ((0,), np.nan, "nan for door 4"),
    "door/appearance/wall_color": ((2, 1), 1.5, "1.5 for door 6"),
    "split": ((1,), 9, "9 for door 5"),
}


@pytest.fixture
def arrays():
    made = make_shard(CONFIG, 4, 8, FakeSimulator())
    return {name: values.copy() for name, values in made.items()}


@pytest.fixture
def rewritten(dataset, tmp_path):
    """Writes a dataset with other values in its second shard, and right checksums."""

    def rewrite(arrays):
        path = shutil.copytree(dataset.path, tmp_path / "rewritten")
        manifest = Manifest.read(path)
        part = "shards/shard-00001"
        manifest.parts[part] = write_shard(path / part, arrays, CONFIG.arrays())
        manifest.write(path)
        return DoorDataset.open(path)

    return rewrite


def test_dataset_read_names_values_out_of_range(rewritten, arrays):
    for name, (place, value, _) in WRONG.items():
        arrays[name][place] = value
    wrong = rewritten(arrays)
    assert wrong.verify() == []
    for name, (_, _, got) in WRONG.items():
        with pytest.raises(
            DatasetError, match=rf"{name} of every door in .*, but got {got}. Generate"
        ):
            wrong.read(name)
        wrong.read(name, np.arange(4))  # other doors still read
    with pytest.raises(DatasetError, match="door/width of every door"):
        wrong.doors()


@pytest.mark.parametrize("value", [-1.0, -np.inf, np.nan, 1.0000001])
def test_check_values_rejects_invalid_rewards(value):
    rewards = np.array([[0.0, 1.0], [0.5, value]], np.float32)
    with pytest.raises(DatasetError, match=r"rewards of every door in here .* for door 8."):
        check_values("rewards", rewards, np.array([3, 8]), "here")


def test_info_command_verify_reports_invalid_values(rewritten, arrays, capsys):
    arrays["rewards"][0, 0] = np.nan
    path = rewritten(arrays).path
    capsys.readouterr()
    assert main(["info", str(path)]) == 0
    assert main(["info", str(path), "--verify"]) == 2
    assert (
        f"rewards of every door in {path} to be a number from 0 to 1, but got nan for door 4"
        in (capsys.readouterr().err)
    )


@pytest.mark.parametrize("name", ["rewards", "view"])
def test_restore_rejects_values_out_of_range(rewritten, arrays, tmp_path, monkeypatch, name):
    place, value, got = WRONG[name]
    arrays[name][place] = value
    with monkeypatch.context() as patch:  # whoever exports it has another program
        patch.setattr("doorlab.data.dataset.check_values", lambda *_: None)
        export_dataset(rewritten(arrays), tmp_path / "hub", CardInfo("", ""))
    with pytest.raises(DatasetError, match=rf"{name} of every door in .*hub.*, but got {got}. Ask"):
        restore_dataset(tmp_path / "back", tmp_path / "hub")


def test_door_data_rejects_invalid_values(rewritten, arrays):
    arrays["rewards"][:] = np.nan
    with pytest.raises(DatasetError, match=r"rewards of every door .* got nan for door"):
        DoorData.load(rewritten(arrays), "train")


def test_check_values_rejects_doors_in_wrong_split(rewritten, arrays):
    arrays["split"][:] = (arrays["split"] + 1) % 3
    wrong = rewritten(arrays)
    for use in (lambda: wrong.indices("train"), wrong.check_values):
        with pytest.raises(DatasetError, match=r"door 4 of .* in the split \w+, as its settings"):
            use()


def test_check_values_rejects_joint_position_beyond_opening_limit(rewritten, arrays):
    arrays["joint_position"][2, 1] = arrays["door/opening_limit"][2] + 0.01
    with pytest.raises(
        DatasetError, match=r"joint positions of door 6 .* within its opening limit"
    ):
        rewritten(arrays).check_values()


def test_check_values_rejects_inconsistent_door_parameters(rewritten, arrays):
    width = arrays["door/width"][2]
    arrays["door/backset"][2] = width + 0.1
    wrong = rewritten(arrays)
    with pytest.raises(DatasetError, match=r"backset of a door to be below .* in door 6. Generate"):
        wrong.check_values()


def test_check_values_rejects_invalid_camera(rewritten, arrays):
    arrays["view"][1, 2, 6] = -0.5
    with pytest.raises(DatasetError, match=r"field_of_view of .* in frame 2 of door 5 in .*. Gene"):
        rewritten(arrays).check_values()


def test_check_values_accepts_intact_dataset(dataset):
    dataset.check_values()


def test_write_dataset_rejects_invalid_simulator_output(tmp_path):
    """Nothing is written before the values are checked."""

    class Generous(FakeSimulator):
        def interact(self, doors, actions, **options):
            done = super().interact(doors, actions, **options)
            done.rewards[-1] = 1.5
            return done

    with pytest.raises(DatasetError, match=r"rewards of .* got 1\.5 for door 3. Correct the sim"):
        write_dataset(tmp_path / "d", CONFIG, simulator=lambda name: Generous())
    assert json.loads((tmp_path / "d/dataset.json").read_text())["shards"] == {}


def test_check_values_accepts_ends_of_ranges():
    for name, spec in ARRAYS.items():
        if spec.limits is not None:
            ends = np.array([spec.limits.low, spec.limits.high]).astype(spec.dtype)
            check_values(name, ends, np.arange(2), "here")
