import json

import pytest

from doorlab.benchmarks.timing import paired_rates
from doorlab.errors import ConfigError, ResultError
from doorlab.intervals import Estimate
from doorlab.stages import bench


def test_bench_writes_named_figures(tmp_path):
    path = tmp_path / "bench.json"
    bench.run(bench.Config(only=("interactions",), rounds=2, json=path))
    figures = json.loads(path.read_text())["metrics"]
    assert set(figures) == {
        "interactions_per_s", "bare_interactions_per_s", "interactions_vs_bare"
    }  # fmt: skip
    speed, bare = figures["interactions_per_s"]["mean"], figures["bare_interactions_per_s"]["mean"]
    assert 0.5 < figures["interactions_vs_bare"]["mean"] / (speed / bare) < 2
    with pytest.raises(ResultError, match="--overwrite"):
        bench.run(bench.Config(only=("interactions",), rounds=2, json=path))


def test_paired_rates_take_ratios_within_rounds(monkeypatch):
    clock = iter([0.0, 1.0, 1.0, 3.0, 3.0, 13.0, 13.0, 33.0])  # the machine slows down tenfold
    monkeypatch.setattr("doorlab.benchmarks.timing.time.perf_counter", lambda: next(clock))
    _, _, ratio = paired_rates(lambda: 10, lambda: 10, 2)
    assert ratio.mean == pytest.approx(2.0)
    assert ratio.ci95 == pytest.approx((2.0, 2.0))


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"rounds": 1}, "--rounds as a whole number of 2"), ({"only": ("x",)}, "benchmark")],
)
def test_bench_rejects_invalid_settings(changes, message):
    with pytest.raises(ConfigError, match=message):
        bench.run(bench.Config(**changes))


@pytest.mark.parametrize("finished", [0, 1])
def test_bench_keeps_finished_figures_after_interruption(tmp_path, monkeypatch, capsys, finished):
    def interrupted(rounds):
        raise KeyboardInterrupt

    done = {"speed": Estimate(3.0, (2.0, 4.0), 2)}
    benchmarks = {"first": lambda rounds: done, "second": interrupted}
    monkeypatch.setattr(bench, "BENCHMARKS", dict(list(benchmarks.items())[1 - finished :]))
    path = tmp_path / "bench.json"
    with pytest.raises(KeyboardInterrupt) as stop:
        bench.run(bench.Config(json=path))
    said = capsys.readouterr()
    assert (
        f"{1 + finished} of {1 + finished} benchmarks; without --only they take about" in said.err
    )
    if not finished:
        assert "no metrics yet" in str(stop.value)
        assert not path.exists()
        return
    assert str(stop.value) == "interrupted: those of first are kept"
    assert "speed" in said.out
    result = json.loads(path.read_text())
    assert result["metrics"]["speed"]["mean"] == 3.0
    assert result["finished"] == ["first"]
