"""Sentences on what figures show, against result files whose answers are known."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from helpers.report_run import PROVENANCE, make_rollout, write

from doorlab.evaluation.regret import paired_differences, summarize
from doorlab.intervals import Estimate
from doorlab.report.headline import headline
from doorlab.report.page import DASH, join
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
        (
            (0.98, 0.01),
            (0.9, 0.02),
            ("hinge side 0.98 (encoded),", "joint angle R² 0.90 (encoded)"),
        ),
        ((0.70, 0.03), (0.5, 0.02), ("0.70 (at chance level),", "0.50 (partly encoded)")),
        ((0.70, 0.02), (0.02, 0.05), ("0.70 (partly encoded),", "0.02 (at chance level)")),
    ],
)
def test_reconstructions_verdict_depends_on_probe_scores(run_folder, accuracy, r2, words):
    def change(result):
        result["probes"]["statistician"] = {
            "handedness": score(*accuracy),
            "joint_angle": score(*r2, "r2"),
        }
        result["targets"] = {
            "handedness": {"label": "hinge side", "metric": "accuracy", "guessing": 0.672},
            "joint_angle": {"label": "joint angle", "metric": "r2", "guessing": 0.0},
        }

    text = verdict("reconstructions", changed(run_folder, "probes.json", change))
    assert text.startswith("Measured: ")
    assert all(word in text.partition("VAE")[0] for word in words)


def test_is_at_chance_compares_interval_with_guessing_level():
    """The level is the majority's share, which `tests/stages/test_probe.py` checks."""
    share = guessing({"targets": {"latch": {"guessing": 0.657}}, "probes": {}}, "latch")
    assert share == 0.657
    assert is_at_chance(score(0.69, 0.04), share)
    assert not is_at_chance(score(0.71, 0.04), share)


def test_verdicts_omit_guessing_without_known_level(run_folder):
    def change(result):
        del result["targets"]
        result["probes"]["statistician"]["handedness"] = score(0.40, 0.02)

    run = changed(run_folder, "probes.json", change)
    assert guessing(run.probes, "handedness") is None
    assert "guessing" not in verdict("reconstructions", run)
    assert "guessing" not in join(*headline(run))


def test_headline_tile_omits_scores_at_guessing_level(run_folder):
    def change(result):
        result["probes"]["statistician"]["handedness"] = score(0.57, 0.07)

    page = join(*headline(changed(run_folder, "probes.json", change)))
    assert "hinge side predicted from" not in page
    assert "57\u00a0% of held-out doors, at chance level" in page
    better = join(
        *headline(changed(run_folder, "probes.json", lambda r: r["probes"]["statistician"].update(
            handedness=score(0.9, 0.05)
        )))
    )  # fmt: skip
    assert "hinge side predicted from" in better


@pytest.mark.parametrize(
    ("margin", "words"),
    [(0.04, "SSNP is better"), (0.001, "the interval contains zero"), (-0.04, "SSNP is worse")],
)
def test_headline_names_best_rival(run_folder, margin, words):
    """The rival's regret is SSNP's plus a margin per door: the paired difference follows."""
    rng = np.random.default_rng(0)
    mine = make_rollout(0.3, rng)
    noise = rng.normal(0.0, 0.02, mine.regrets.shape)
    noise -= noise.mean()
    theirs = replace(mine, regrets=mine.regrets + margin + noise)
    rollouts = {"ssnp": mine, "np": theirs, "random": make_rollout(0.9, rng)}

    def change(result):
        result["policies"] = {name: summarize(rollout) for name, rollout in rollouts.items()}
        result["paired_differences"] = paired_differences(rollouts)

    page = join(*headline(changed(run_folder, "regret.json", change)))
    regret = mine.regrets.mean() + margin
    assert f"The best other policy is NP with {regret:.3f}: {words}" in page
    assert f"(paired difference {margin:+.3f}" in page


@pytest.mark.parametrize(
    ("content", "texture", "words"),
    [
        (score(0.51, 0.03), score(0.50, 0.04), "almost indistinguishable"),
        (score(0.51, 0.03), score(1.00, 0.00), "distinguishable from real frames"),
        (score(0.62, 0.20), score(1.00, 0.00), "distinguishable from real frames"),
        (score(0.62, 0.20), score(0.55, 0.15), "50 doors are too few for a verdict"),
        (None, score(0.9, 0.05), "VAE 0.90 by texture, distinguishable from real frames"),
    ],
)
def test_samples_verdict_needs_every_feature(run_folder, content, texture, words):
    def change(result):
        scores = {"content": content, "texture": texture}
        result["diagnosis"]["vae"]["two_sample"]["samples"] = {
            feature: {"accuracy": score, "mmd2": None} for feature, score in scores.items()
        }

    text = verdict("samples", changed(run_folder, "diagnosis.json", change))
    assert words in text
    assert "guessing" not in text


def test_reconstructions_verdict_compares_attributes_with_real_frames(run_folder):
    def change(result):
        names = ("joint_angle", "handedness", "swing")
        real, found = (0.97, 1.0, 0.99), (0.83, 0.95, 0.65)
        result["attributes"]["scores"] = {
            n: score(mean, 0.0) for n, mean in zip(names, real, strict=True)
        }
        result["diagnosis"]["statistician"]["attributes"]["reconstructions"]["scores"] = {
            n: score(mean, 0.03) for n, mean in zip(names, found, strict=True)
        }
        del result["diagnosis"]["vae"]["attributes"]

    text = verdict("reconstructions", changed(run_folder, "diagnosis.json", change))
    assert text.endswith(
        ". A network predicts from reconstructions of the statistician the joint angle with R² "
        "0.83 (0.80 to 0.86), the hinge side with accuracy 0.95 (0.92 to 0.98) and the swing "
        "with accuracy 0.65 (0.62 to 0.68); from real frames 0.97, 1.00 and 0.99."
    )


def test_samples_verdict_names_scores_of_prior_samples(run_folder):
    def change(result):
        scores = {"content": score(0.85, 0.02), "texture": score(0.99, 0.01)}
        result["diagnosis"]["vae"]["two_sample"]["prior_samples"] = {
            feature: {"accuracy": accuracy, "mmd2": None} for feature, accuracy in scores.items()
        }

    text = verdict("samples", changed(run_folder, "diagnosis.json", change))
    assert ". With samples from the prior N(0, 1): VAE 0.85 by content and 0.99 by texture." in text


def test_samples_verdict_compares_frames_within_door(run_folder):
    def change(result):
        agree = {"handedness_agreement": score(0.9, 0.1), "angle_std": score(0.45, 0.1)}
        result["attributes"]["statistics"] = agree
        other = {"handedness_agreement": score(0.73, 0.1), "angle_std": score(0.25, 0.1)}
        result["diagnosis"]["statistician"]["attributes"]["samples"]["statistics"] = other
        del result["diagnosis"]["vae"]["attributes"]

    text = verdict("samples", changed(run_folder, "diagnosis.json", change))
    assert text.endswith("real doors 0.90 and 0.45 rad; statistician 0.73 and 0.25 rad.")

    def without(result):
        del result["attributes"]

    text = verdict("samples", changed(run_folder, "diagnosis.json", without))
    assert "real doors" not in text


def test_calibration_verdict_uses_both_panels(run_folder):
    text = verdict("calibration", RunFiles.read((run_folder,)))
    assert "distance from the dotted line, on the left SSNP 0.012 and NP 0.020;" in text
    # stated 0.5 and 0.9: SSNP has 0.48 and 0.87, NP 0.70 and 0.96
    assert "on the right SSNP 0.025 (overconfident) and NP 0.130 (underconfident)." in text


def test_verdicts_omit_undefined_figures(run_folder):
    def undefined(result):
        for made in result["diagnosis"]["vae"]["two_sample"].values():
            for scores in made.values():
                scores.update(accuracy=None, mmd2=None)
        result["diagnosis"]["vae"]["attributes"]["samples"]["statistics"].update(angle_std=None)

    def unknown(result):
        result["metrics"]["calibration"]["calibration_error"] = {"ssnp": None, "np": None}
        result["metrics"]["calibration"]["coverage"] = {"ssnp": [None, None]}

    changed(run_folder, "plot.json", unknown)
    run = changed(run_folder, "diagnosis.json", undefined)
    assert "VAE" not in verdict("samples", run)
    assert verdict("calibration", run) == ""
    assert sections(run)


@pytest.mark.parametrize(
    ("file", "keys", "value"),
    [
        ("regret.json", ("provenance",), "x"),
        ("regret.json", ("provenance", "commit"), 3),
        ("plot.json", ("metrics", "calibration"), "x"),
        ("plot.json", ("metrics", "calibration", "coverage", "ssnp"), []),
    ],
)
def test_sections_note_damaged_values(run_folder, file, keys, value):
    def change(result):
        *way, last = keys
        for key in way:
            result = result[key]
        result[last] = value

    run = changed(run_folder, file, change)
    assert ".".join(keys[:2]) in next(iter(run.damaged.values()))
    assert "can't be read" in "".join(sections(run).values())


@pytest.mark.parametrize(
    ("seeds", "words"), [(1, "1 training seed: too few"), (3, "3 training seeds.")]
)
def test_study_verdicts_state_number_of_seeds(run_folder, study_files, seeds, words):
    for name, content in study_files.items():
        write(
            run_folder / "study" / name, content | ({"seeds": seeds} if "seeds" in content else {})
        )
    run = RunFiles.read((run_folder,))
    for name in ("study_labels", "study_adaptation", "study_regret"):
        assert words in verdict(name, run)


@pytest.mark.parametrize(("last", "words"), [(0.004, "falls"), (0.0098, "does not fall")])
def test_adaptation_verdict_depends_on_intervals(run_folder, last, words):
    def change(result):
        errors = [Estimate(m, (m - 0.001, m + 0.001), 40).to_json() for m in (0.01, last)]
        result["metrics"]["adaptation"]["reward_mse"] = {"ssnp": errors}

    text = verdict("adaptation", changed(run_folder, "plot.json", change))
    certain = " significantly" if last > 0.005 else ""
    assert text == f"Measured: the error of SSNP {words}{certain} (0.0100 to {last:.4f})."


def test_sections_show_verdicts_below_captions(run_folder):
    run = RunFiles.read((run_folder,))
    found = sections(run)
    for name in ("reconstructions", "new_frames", "samples"):
        assert verdict(name, run)
    assert found["representation"].count("<strong>Measured: ") == 5
    assert "<strong>Measured: the error of" in found["reward"]


def test_verdict_without_deciding_result_is_empty(run_folder):
    for file in ("probes.json", "diagnosis.json", "regret.json"):
        next(run_folder.rglob(file)).unlink()
    run = RunFiles.read((run_folder,))
    names = ("reconstructions", "new_frames", "samples", "correlations", "landscape", "gallery")
    assert [verdict(name, run) for name in names] == [""] * len(names)


def test_sections_show_provenance_of_every_result(run_folder, study_files):
    for name, content in study_files.items():
        write(run_folder / "study" / name, content)
    here = PROVENANCE | {"simulator": "torch", "processor": "Ryzen, 8 cores"}
    run = changed(run_folder, "regret.json", lambda result: result.update(provenance=here))
    page = words_of(sections(run)["making"])
    date, commit = "2026-01-02 03:04", "0123456789ab+changes"
    assert f"bandit 7 {date} {commit} torch 0123456789abcdef" in page
    assert f"SSNP (train) 5 {date} {commit} pybullet" in page
    assert f"study {DASH} 2026" in page
    assert "VAE (pretrain), SSNP (train), probe, diagnose, plot and study" in page
    assert "processor Ryzen, 8 cores Xeon, 2 cores" in page or (
        "processor Xeon, 2 cores Ryzen, 8 cores" in page
    )


def words_of(markup):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())
