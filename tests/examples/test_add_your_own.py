"""The example, copied to a folder of its own, and the commands of its docstring in processes."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.console import documented_commands, doorlab
from helpers.small_networks import TINY

from doorlab.data import DoorDataset
from doorlab.errors import DatasetError
from doorlab.models.io import save_model
from doorlab.models.registry import build_model

EXAMPLE = Path(__file__).parents[2] / "examples" / "add_your_own.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a copy of the example, after the commands of its docstring."""
    place = tmp_path_factory.mktemp("work") / "examples"
    place.mkdir()
    shutil.copy(EXAMPLE, place)
    torch.manual_seed(0)
    run = place.parent / "runs" / "ssnp"
    save_model(run, build_model("ssnp", 32, TINY), "ssnp", 32, TINY)
    for command in documented_commands(EXAMPLE):
        done = doorlab(place, *command)
        assert done.returncode == 0, done.stderr
    return place


def test_generate_command_accepts_outside_prior_and_simulator(folder, load):
    dataset = DoorDataset.open(folder.parent / "runs" / "fire_doors")
    doors, example = dataset.doors(), load("add_your_own")
    assert {door.handle_type for door in doors} == {"bar"}
    assert dataset.manifest.prior["mass"] == list(example.FIRE_DOORS.mass)
    assert dataset.generation.simulator == "add_your_own:RustySimulator"
    simulator = example.RustySimulator()
    expected = simulator.interact(doors, dataset.read("actions")).rewards
    np.testing.assert_allclose(dataset.read("rewards"), expected, atol=1e-5)
    free = example.TorchSimulator().interact(doors, dataset.read("actions")).rewards
    assert expected.mean() < free.mean()


def test_bandit_command_accepts_outside_policies(folder):
    runs = folder.parent / "runs"
    result = json.loads((runs / "fire_doors_bandit/regret.json").read_text())
    policies = result["policies"]
    assert list(policies) == ["random", "oracle", "add_your_own:RepeatBestPolicy"]
    regret = {name: policy["mean_regret"]["mean"] for name, policy in policies.items()}
    assert regret["add_your_own:RepeatBestPolicy"] < regret["random"]
    cautious = json.loads((runs / "cautious_bandit/regret.json").read_text())["policies"]
    assert list(cautious) == ["ssnp", "ssnp:add_your_own:cautious_policy"]


def test_plot_and_report_commands_need_no_outside_module(folder, tmp_path):
    runs = folder.parent / "runs"
    shutil.copytree(runs / "fire_doors", tmp_path / "run/dataset")
    shutil.copytree(runs / "fire_doors_bandit", tmp_path / "run/bandit")
    for stage in ("plot", "report"):
        done = doorlab(tmp_path, stage, "--run", "run", "--out", f"run/{stage}")
        assert done.returncode == 0, done.stderr
    assert "RepeatBestPolicy" in (tmp_path / "run/report/index.html").read_text()


def test_generate_workers_import_outside_module(folder):
    """Two workers write the bytes of one."""
    command, runs = documented_commands(EXAMPLE)[0], folder.parent / "runs"
    out = command.index("--out") + 1
    small = [*command[:out], "../runs/two", *command[out + 1 :], "--workers", "2"]
    done = doorlab(folder, *small, "--shard-doors", "20", "--videos", "0")
    assert done.returncode == 0, done.stderr
    one, two = (DoorDataset.open(runs / name) for name in ("fire_doors", "two"))
    np.testing.assert_array_equal(two.read("images"), one.read("images"))
    np.testing.assert_array_equal(two.read("rewards"), one.read("rewards"))


def test_bandit_command_names_missing_simulator_module(folder, tmp_path):
    data = str(folder.parent / "runs" / "fire_doors")
    done = doorlab(tmp_path, "bandit", "--data", data, "--doors", "2", "--policies", "random")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "a module add_your_own for the simulator" in line
    assert DoorDataset.open(data).verify() == []


def test_generate_command_rejects_prior_of_other_type_in_one_line(folder):
    done = doorlab(folder, "generate", "--prior", "add_your_own:RustySimulator", "--out", "none")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "doorlab: error: Expected a DoorPrior (of no derived class) as the prior add"
    )
    with pytest.raises(DatasetError):
        DoorDataset.open(folder / "none")
