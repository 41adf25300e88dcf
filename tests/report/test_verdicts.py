"""Sentences on what figures show, against result files whose answers are known."""

from __future__ import annotations

import json

import pytest

from doorlab.intervals import Estimate
from doorlab.report.headline import headline
from doorlab.report.page import join
from doorlab.report.run_files import RunFiles
from doorlab.report.sections import sections
from doorlab.report.verdicts import guessing, is_at_chance, verdict


def changed(folder, name, change):
    """The run with a result file changed."""
    (file,) = folder.rglob(name)
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))
    return RunFiles.read((folder,))


def score(mean, half, metric="accuracy"):
    return {"metric": metric, "mean": mean, "ci95": [mean - half, mean + half], "n": 50}


@pytest.mark.parametrize(
    ("accuracy", "r2", "words"),
    [
        ((0.98, 0.01), (0.9, 0.02), ("hinge side 0.98, kept;", "joint angle R² 0.90, kept)")),
        ((0.70, 0.03), (0.5, 0.02), ("0.70, no better than guessing;", "0.50, kept in part)")),
        ((0.70, 0.02), (0.02, 0.05), ("0.70, kept in part;", "0.02, no better than guessing)")),
    ],
)
def test_reconstructions_are_judged_by_what_the_latents_hold(run_folder, accuracy, r2, words):
    def change(result):
        result["probes"]["statistician"] = {
            "handedness": score(*accuracy),
            "joint_angle": score(*r2, "r2"),
        }
        result["targets"] = {
            "handedness": {"label": "hinge side", "metric": "accuracy", "guessing": 0.672},
        }

    text = verdict("reconstructions", changed(run_folder, "probes.json", change))
    assert text.startswith("Measured: ")
    assert all(word in text.partition("VAE")[0] for word in words)


def test_a_score_is_at_chance_where_its_interval_includes_the_level_of_guessing():
    """The level is the majority's share, which `tests/stages/test_probe.py` checks."""
    share = guessing({"targets": {"latch": {"guessing": 0.657}}, "probes": {}}, "latch")
    assert share == 0.657
    assert is_at_chance(score(0.69, 0.04), share)
    assert not is_at_chance(score(0.71, 0.04), share)


def test_a_tile_boasts_of_nothing_that_guessing_reaches(run_folder):
    def change(result):
        result["probes"]["statistician"]["handedness"] = score(0.57, 0.07)

    page = join(*headline(changed(run_folder, "probes.json", change)))
    assert "hinge side read from" not in page
    assert "57\u00a0% of held-out doors, no better than guessing" in page
    better = join(
        *headline(changed(run_folder, "probes.json", lambda r: r["probes"]["statistician"].update(
            handedness=score(0.9, 0.05)
        )))
    )  # fmt: skip
    assert "hinge side read from" in better


@pytest.mark.parametrize(
    ("mean", "low", "words"),
    [
        (0.05, 0.02, "SSNP is better"),
        (0.02, -0.01, "too close to tell which is better"),
        (-0.05, -0.09, "SSNP is worse"),
    ],
)
def test_the_headline_names_the_best_rival(run_folder, mean, low, words):
    estimate = Estimate(mean, (low, 2 * mean - low), 40).to_json()

    def change(result):
        result["policies"]["np"]["mean_regret"] = {**score(0.0123, 0.002), "n": 40}
        result["paired_differences"]["np"]["ssnp"] = estimate

    page = join(*headline(changed(run_folder, "regret.json", change)))
    assert f"The best rival is NP with 0.012: {words} (paired difference {mean:+.3f}" in page


@pytest.mark.parametrize(("last", "words"), [(0.004, "falls"), (0.0098, "does not fall for")])
def test_adaptation_is_judged_by_its_intervals(run_folder, last, words):
    def change(result):
        errors = [Estimate(m, (m - 0.001, m + 0.001), 40).to_json() for m in (0.01, last)]
        result["figures"]["adaptation"]["reward_mse"] = {"ssnp": errors}

    text = verdict("adaptation", changed(run_folder, "plot.json", change))
    certain = " certain" if last > 0.005 else ""
    assert text == f"Measured: the error of SSNP {words}{certain} (0.0100 to {last:.4f})."


def test_verdicts_stand_below_their_captions(run_folder):
    run = RunFiles.read((run_folder,))
    found = sections(run)
    for name in ("reconstructions", "new_frames", "samples"):
        assert verdict(name, run)
    assert found["representation"].count("<strong>Measured: ") == 5
    assert "<strong>Measured: the error of" in found["reward"]


def test_a_run_without_the_deciding_result_has_no_verdict(run_folder):
    for file in ("probes.json", "diagnosis.json", "regret.json"):
        next(run_folder.rglob(file)).unlink()
    run = RunFiles.read((run_folder,))
    names = ("reconstructions", "new_frames", "samples", "correlations", "landscape", "gallery")
    assert [verdict(name, run) for name in names] == [""] * len(names)


def test_the_page_says_where_results_come_from(run_folder):
    origin = {
        "commit": "abc123", "date": "2026-01-02T03:04:05+00:00", "simulator": "pybullet",
        "python": "3.11.7", "processor": "Xeon, 2 cores", "system": "Linux", "torch": "2.13.0",
    }  # fmt: skip
    run = changed(run_folder, "regret.json", lambda result: result.update(provenance=origin))
    page = sections(run)["making"]
    assert all(value in page for value in origin.values())
