from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from doorlab.errors import ResultError
from doorlab.intervals import Estimate, bootstrap_mean
from doorlab.results import read_result, write_result


@dataclass(frozen=True)
class Config:
    out: Path
    seed: int = 3


def test_result_round_trips_through_file(tmp_path):
    path = tmp_path / "r.json"
    figures = {"x": Estimate(0.5, (0.4, 0.6), 10), "y": np.float32(2), "z": np.arange(2)}
    write_result(path, "bandit", Config(tmp_path), figures, "blake2b:00", doors=7)
    result = read_result(path, "bandit")
    assert result["metrics"] == {
        "x": {"mean": 0.5, "ci95": [0.4, 0.6], "n": 10},
        "y": 2.0,
        "z": [0, 1],
    }
    assert (result["seed"], result["doors"], result["dataset_checksum"]) == (3, 7, "blake2b:00")
    assert result["config"] == {"out": str(tmp_path), "seed": 3}
    with pytest.raises(ResultError, match=r"result of `doorlab probe`.*one of 'bandit'"):
        read_result(path, "probe")
    assert "undefined" not in result


def test_write_result_writes_null_with_reason_for_undefined_metrics(tmp_path):
    nan = float("nan")
    figures = {
        "known": Estimate(0.5, (0.4, 0.6), 10),
        "mean": bootstrap_mean(np.array([1.0, nan, 2.0])),
        "reasoned": Estimate(nan, (nan, nan), 3, "all images are alike"),
        "interval": Estimate(1.0, (0.0, nan), 5).to_json(),
        "losses": [1.0, np.float32("inf"), nan],
        "variance": np.asarray(nan),
    }
    write_result(tmp_path / "r.json", "bandit", Config(tmp_path), figures, models={"a": nan})
    result = read_result(tmp_path / "r.json", "bandit")
    found = result["metrics"]
    assert found["known"]["mean"] == 0.5
    assert [found[name] for name in ("mean", "reasoned", "interval", "variance")] == [None] * 4
    assert found["losses"] == [1.0, None, None]
    assert result["models"] == {"a": None}
    assert result["undefined"] == {
        "metrics.mean": "not all of its 3 values are finite",
        "metrics.reasoned": "all images are alike",
        "metrics.interval": "not all of its 5 values are finite",
        "metrics.losses[1]": "inf is not a finite number",
        "metrics.losses[2]": "nan is not a finite number",
        "metrics.variance": "nan is not a finite number",
        "models.a": "nan is not a finite number",
    }


@pytest.mark.parametrize("content", ["{}", '{"stage": 3}', '{"stage": "bandit", "config": []}'])
def test_read_result_rejects_invalid_file_in_one_line(tmp_path, content):
    (tmp_path / "r.json").write_text(content)
    with pytest.raises(ResultError, match=r"make it again|the right file") as caught:
        read_result(tmp_path / "r.json", "bandit")
    assert "\n" not in str(caught.value)
