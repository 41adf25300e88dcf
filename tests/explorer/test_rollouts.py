"""Rollouts of `doorlab bandit`: what the page shows, and errors for damaged files."""

from __future__ import annotations

import numpy as np
import pytest

from doorlab.errors import ResultError
from doorlab.explorer.rollouts import recorded_doors, recorded_policies
from doorlab.storage.files import atomic_write_arrays


@pytest.fixture
def regret(tmp_path):
    """Writes rollouts.npz with changed arrays; returns the path of regret.json beside it."""

    def write(**changes):
        arrays = {
            "doors": np.array([4, 9]),
            "random/actions": np.zeros((2, 3, 4), np.float32),
            "random/rewards": np.full((2, 3), 0.25, np.float32),
            "ssnp/actions": np.full((5, 2, 3, 4), 0.5, np.float32),  # five training seeds
            "ssnp/rewards": np.ones((5, 2, 3), np.float32),
        } | {name.replace("__", "/"): value for name, value in changes.items()}
        atomic_write_arrays(tmp_path / "rollouts.npz", arrays)
        return tmp_path / "regret.json"

    return write


def test_policies_have_steps_for_recorded_doors_only(regret):
    path = regret()
    assert recorded_doors(path).tolist() == [4, 9]
    ssnp, random = recorded_policies(path, np.array([9, 5]))
    assert (ssnp["label"], random["label"]) == ("SSNP", "random")
    assert random["doors"][1] is None
    assert [step["reward"] for step in random["doors"][0]] == [0.25] * 3
    assert ssnp["doors"][0][0]["action"] == [0.5] * 4


def test_run_without_rollouts_has_no_policies(tmp_path):
    assert recorded_policies(None, np.array([1])) == []
    assert recorded_policies(tmp_path / "regret.json", np.array([1])) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"doors": np.zeros((2, 2))}, "a list of door indices"),
        ({"random__rewards": np.zeros((2, 4), np.float32)}, r"got shapes \(2, 3, 4\)"),
        ({"random__rewards": np.full((2, 3), np.nan)}, "no numbers from 0 to 1"),
        ({"random__actions": np.full((2, 3, 4), 7.0)}, "contains 7.0"),
        ({"random__actions": np.zeros((3, 3, 4))}, "random on 2 doors"),
    ],
)
def test_damaged_rollouts_are_rejected_in_one_sentence(regret, changes, said):
    with pytest.raises(ResultError, match=said) as caught:
        recorded_policies(regret(**changes), np.array([4]))
    assert "doorlab bandit" in str(caught.value)
    assert "\n" not in str(caught.value)
