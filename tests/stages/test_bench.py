import json

import pytest

from doorlab.benchmarks.timing import paired_rates
from doorlab.errors import ConfigError, ResultError
from doorlab.stages import bench


def test_figures_are_written_under_their_names(tmp_path):
    path = tmp_path / "bench.json"
    bench.run(bench.Config(only=("interactions",), rounds=2, json=path))
    figures = json.loads(path.read_text())["figures"]
    assert set(figures) == {
        "interactions_per_s", "bare_interactions_per_s", "interactions_vs_bare"
    }  # fmt: skip
    speed, bare = figures["interactions_per_s"]["mean"], figures["bare_interactions_per_s"]["mean"]
    assert 0.5 < figures["interactions_vs_bare"]["mean"] / (speed / bare) < 2
    with pytest.raises(ResultError, match="--overwrite"):
        bench.run(bench.Config(only=("interactions",), rounds=2, json=path))


def test_ratios_are_taken_within_rounds(monkeypatch):
    clock = iter([0.0, 1.0, 1.0, 3.0, 3.0, 13.0, 13.0, 33.0])  # the machine slows down tenfold
    monkeypatch.setattr("doorlab.benchmarks.timing.time.perf_counter", lambda: next(clock))
    _, _, ratio = paired_rates(lambda: 10, lambda: 10, 2)
    assert ratio.mean == pytest.approx(2.0)
    assert ratio.ci95 == pytest.approx((2.0, 2.0))


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"rounds": 1}, "--rounds as a whole number of 2"), ({"only": ("x",)}, "benchmark")],
)
def test_bad_settings(changes, message):
    with pytest.raises(ConfigError, match=message):
        bench.run(bench.Config(**changes))
