"""Summaries against numbers that are put in."""

from __future__ import annotations

import numpy as np
import pytest

from doorlab.evaluation.probes import TARGETS, ProbeSpec, plan
from doorlab.evaluation.probes.summary import THRESHOLDS, bars, summarize, vs_best_baseline
from doorlab.intervals import bootstrap_mean

DOORS, RIVALS = 50, ("vae", "pca")
OURS = ("statistician", "contrastive_statistician")
LEVELS = {"statistician": 0.9, "vae": 0.5, "pca": 0.7, "supervised": 1.0}


def made_up(seeds: int):
    """Scores about a level that rises with frames and doors; all models share what doors add."""
    rng = np.random.default_rng(0)
    readings = plan([1, 4], [10, 100])
    shared = {r: 0.1 * rng.normal(size=(1, DOORS)) for r in readings}
    found = {}
    for model, level in LEVELS.items():
        noise = {r: 0.01 * rng.normal(size=(seeds, DOORS)) for r in readings}
        gain = {r: 0.05 * (r.frames == 4) + 0.05 * (r.doors == 100) for r in readings}
        found[model] = {r: level + gain[r] + shared[r] + noise[r] for r in readings}
    shut = ProbeSpec("joint_angle", "instance", 1, 100)
    for scores in found.values():
        del scores[shut]
    return found


@pytest.fixture
def found():
    return made_up(3)


def test_summarize_reports_means_at_headline_setting(found):
    summary = summarize(found, OURS, RIVALS)
    reading = ProbeSpec("width", "context", 4, 100)
    for model in LEVELS:
        figure = summary["probes"][model]["width"]
        assert figure["mean"] == pytest.approx(found[model][reading].mean())
        assert figure["ci95"][0] < figure["mean"] < figure["ci95"][1]
        assert (figure["n"], figure["metric"]) == (DOORS, "r2")
        assert list(summary["probes"][model]) == list(TARGETS)
    leak = summary["latents"]["vae"]["instance"]["handedness"]["mean"]
    assert leak == pytest.approx(found["vae"][ProbeSpec("handedness", "instance", 4, 100)].mean())


def test_summarize_uses_doors_for_intervals_with_one_seed():
    found = made_up(1)
    reading = ProbeSpec("place", "context", 4, 100)
    figure = summarize(found, OURS, RIVALS)["probes"]["pca"]["place"]
    expected = bootstrap_mean(found["pca"][reading][0]).to_json()
    assert {k: figure[k] for k in expected} == expected


def test_summarize_pairs_differences_and_omits_ceiling(found):
    differences = summarize(found, OURS, RIVALS)["differences"]
    assert list(differences) == ["statistician - vae", "statistician - pca"]
    width = differences["statistician - pca"]["width"]
    assert width["mean"] == pytest.approx(0.2, abs=0.01)
    # What doors share is gone: the noise of 0.01 is left, over 50 doors and 3 seeds.
    assert width["ci95"][1] - width["ci95"][0] < 0.03


def test_vs_best_baseline_selects_best_mean_per_target(found):
    found["vae"] = {r: v + 0.3 * (r.target == "height") for r, v in found["vae"].items()}
    best = vs_best_baseline(found, summarize(found, OURS, RIVALS), RIVALS)["statistician"]
    assert {target: b["rival"] for target, b in best.items()} == {
        target: "vae" if target == "height" else "pca" for target in TARGETS
    }
    assert best["height"]["mean"] == pytest.approx(0.1, abs=0.01)


def test_summarize_orders_curves_with_gaps(found):
    curves = summarize(found, OURS, RIVALS)["curves"]
    assert (curves["frames"]["at"], curves["doors"]["at"]) == ([1, 4], [10, 100])
    angle = curves["frames"]["scores"]["statistician"]["joint_angle"]
    assert angle[0] is None
    assert angle[1] == summarize(found, OURS, RIVALS)["probes"]["statistician"]["joint_angle"]
    width = curves["doors"]["scores"]["vae"]["width"]
    assert width[0]["mean"] < width[1]["mean"]


def test_bars_are_reached_by_mean(found):
    found_bars = bars(summarize(found, OURS, RIVALS))["statistician"]
    reached = {target: bar["reached"] for target, bar in found_bars.items()}
    means = {
        t: s["mean"] for t, s in summarize(found, OURS, RIVALS)["probes"]["statistician"].items()
    }
    assert reached == {target: means[target] >= bar for target, bar in THRESHOLDS.items()}


def test_summarize_compares_every_statistician(found):
    found["contrastive_statistician"] = {r: v - 0.05 for r, v in found["statistician"].items()}
    summary = summarize(found, OURS, RIVALS)
    best = vs_best_baseline(found, summary, RIVALS)
    assert len(summary["differences"]) == 4
    assert summary["statisticians"] == list(OURS)
    for target, plain in best["statistician"].items():
        assert best["contrastive_statistician"][target]["mean"] == pytest.approx(
            plain["mean"] - 0.05
        )
    assert set(bars(summary)) == {"statistician", "contrastive_statistician"}


def test_summarize_without_statistician_compares_nothing(found):
    del found["statistician"]
    summary = summarize(found, OURS, RIVALS)
    assert (summary["statisticians"], summary["differences"]) == ([], {})
    assert set(summary["probes"]) == {"vae", "pca", "supervised"}


def test_probe_spec_is_recovered_from_name():
    for reading in plan([1, 4], [10, 100]):
        assert ProbeSpec.named(reading.name) == reading
