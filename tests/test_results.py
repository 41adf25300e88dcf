from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from doorlab.errors import ResultError
from doorlab.intervals import Estimate
from doorlab.results import read_result, write_result


@dataclass(frozen=True)
class Config:
    out: Path
    seed: int = 3


def test_round_trip(tmp_path):
    path = tmp_path / "r.json"
    figures = {"x": Estimate(0.5, (0.4, 0.6), 10), "y": np.float32(2), "z": np.arange(2)}
    write_result(path, "bandit", Config(tmp_path), figures, "blake2b:00", doors=7)
    result = read_result(path, "bandit")
    assert result["figures"] == {
        "x": {"mean": 0.5, "ci95": [0.4, 0.6], "n": 10},
        "y": 2.0,
        "z": [0, 1],
    }
    assert (result["seed"], result["doors"], result["dataset_checksum"]) == (3, 7, "blake2b:00")
    assert result["config"] == {"out": str(tmp_path), "seed": 3}
    with pytest.raises(ResultError, match=r"result of `doorlab probe`.*one of 'bandit'"):
        read_result(path, "probe")
