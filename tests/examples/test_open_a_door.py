from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import fork_server
from helpers.small_networks import TINY

from doorlab.errors import ConfigError
from doorlab.models.familiarity import fit_familiarity, save_familiarity
from doorlab.models.io import save_model, weights_checksum
from doorlab.models.registry import build_model

SIZE = 32  # frames of the environment have 64 pixels: the predictor makes them smaller


@pytest.fixture
def run(tmp_path):
    torch.manual_seed(0)
    save_model(tmp_path / "run", build_model("ssnp", SIZE, TINY), "ssnp", SIZE, TINY)
    return tmp_path / "run"


def test_open_a_door_prints_interactions_and_stops(load, run, capsys):
    best = load("open_a_door").main(run, door=3, tries=3, enough=1.1, simulator="torch")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[:3]] == [
        "interaction 1",
        "interaction 2",
        "interaction 3",
    ]
    rewards = [float(line.split(", reward ")[1]) for line in lines[:3]]
    assert max(rewards) == pytest.approx(best, abs=0.005)
    assert lines[3:] == [f"door 3 is not open after 3 interactions; best reward {best:.2f}"]


def test_open_a_door_resumes_with_equal_actions(load, run, tmp_path, capsys):
    main = load("open_a_door").main
    how = {"door": 4, "enough": 1.1, "choice": "thompson", "simulator": "torch"}
    main(run, tries=2, **how)
    whole = capsys.readouterr().out.splitlines()
    main(run, tries=1, state=tmp_path / "state", **how)
    main(run, tries=2, state=tmp_path / "state", **how)
    parts = capsys.readouterr().out.splitlines()
    assert [line for line in parts if line.startswith("interaction")] == whole[:2]
    main(run, tries=1, state=tmp_path / "state", **{**how, "door": 5})
    assert capsys.readouterr().out.startswith("interaction 1:")  # another door begins anew


def test_open_a_door_stops_at_open_door(load, run, capsys):
    load("open_a_door").main(run, tries=3, enough=0.0, simulator="torch")
    assert "is open after 0 interactions" in capsys.readouterr().out


def test_open_a_door_warns_of_unfamiliar_door(load, run, capsys):
    known = fit_familiarity("doors of nobody", np.zeros((20, 6)), [np.zeros((20, 6))])
    save_familiarity(run, known, weights_checksum(run))
    load("open_a_door").main(run, tries=1, simulator="torch")
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("open_a_door: warning: this door is unlike the doors of nobody")


@pytest.mark.parametrize("wrong", [{"door": -1}, {"door": 2**63}, {"tries": 0}])
def test_open_a_door_rejects_invalid_numbers(load, run, wrong):
    with pytest.raises(ConfigError, match="whole number"):
        load("open_a_door").main(run, simulator="torch", **wrong)


def test_open_a_door_reports_missing_run_in_one_line(tmp_path):
    script = Path(__file__).parents[2] / "examples" / "open_a_door.py"
    none = str(tmp_path / "none")
    done = fork_server.run(fork_server.run_script, script, none, folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("open_a_door: error: Expected a folder with model.json")
    assert len(done.stderr.splitlines()) == 1
