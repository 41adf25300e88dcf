"""The example, copied to a folder of its own, and the commands of its docstring in processes."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from helpers.console import documented_commands, doorlab

from doorlab.models.io import load_model
from doorlab.registry import short_name

EXAMPLE = Path(__file__).parents[2] / "examples" / "add_a_model.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a copy of the example, after the commands of its docstring."""
    place = tmp_path_factory.mktemp("work") / "examples"
    place.mkdir()
    shutil.copy(EXAMPLE, place)
    for command in documented_commands(EXAMPLE):
        done = doorlab(place, *command)
        assert done.returncode == 0, done.stderr
    return place


def result(folder, name):
    return json.loads((folder.parent / "runs" / name).read_text())


def test_pretrain_and_probe_commands_accept_outside_encoder(folder):
    assert result(folder, "colors/model.json")["kind"] == "add_a_model:COLOR_STATISTICS"
    scores = result(folder, "colors_probe/probes.json")["probes"]
    assert list(scores) == ["color_statistics"]
    assert "handedness" in scores["color_statistics"]


def test_train_and_bandit_commands_accept_outside_reward_model(folder):
    assert result(folder, "max_pool_np/metrics.json")["metrics"]["steps"] == 20
    policies = result(folder, "max_pool_bandit/regret.json")["policies"]
    assert list(policies) == ["random", "max_pool_np", "max_pool_np:ucb"]


def test_load_model_imports_outside_module(folder, monkeypatch):
    monkeypatch.syspath_prepend(str(folder))
    model = load_model(folder.parent / "runs" / "max_pool_np")
    assert model.embed(torch.zeros(2, 3, 3, 32, 32)).shape == (2, 32)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("add_a_model:COLOR_STATISTICS", "a model out of attentive_np, "),
        ("add_a_model:MaxPoolModel", "an EncoderSpec or a RewardModelSpec"),
        ("add_a_model:NOTHING", "NOTHING in the module add_a_model"),
        ("no_such_module:X", "a module no_such_module"),
    ],
)
def test_train_command_rejects_other_objects_in_one_line(folder, model, words):
    done = doorlab(folder, "train", "--model", model, "--data", "../runs/few_doors", "--out", "x")
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (folder / "x").exists()


def test_bandit_command_names_missing_module_in_one_line(folder, tmp_path):
    run = str(folder.parent / "runs" / "max_pool_np")
    data = str(folder.parent / "runs" / "few_doors")
    done = doorlab(
        tmp_path, "bandit", "--data", data, "--models", run, "--doors", "8", "--out", "x"
    )
    assert done.returncode == 2
    assert "a module add_a_model" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "short"),
    [("ssnp", "ssnp"), ("my.models:MEAN_NP", "mean_np"), ("m:Space.MEAN", "mean")],
)
def test_short_name_is_name_in_results(name, short):
    assert short_name(name) == short
