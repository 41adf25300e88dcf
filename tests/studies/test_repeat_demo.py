"""scripts/repeat_demo.py on made-up results of finished demos."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.stats

from doorlab.errors import ResultError

SCRIPT = Path(__file__).parents[2] / "scripts" / "repeat_demo.py"
REGRETS = {
    "contrastive_ssnp": 0.05, "np": 0.11, "vae_np": 0.3, "statistician_np": 0.08,
    "contrastive_np": 0.06,
}  # fmt: skip


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("repeat_demo", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass looks itself up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def mean(value: float) -> dict:
    return {"mean": value, "ci95": [value - 0.01, value + 0.01], "n": 40}


def regrets(suffix: str, shift: float) -> dict:
    def policy(regret: float) -> dict:
        curves = ("regret_per_interaction", "cumulative_regret", "opened_by")
        courses = {name: [0.5] for name in curves}
        return {
            "mean_regret": mean(regret),
            "first_reward": mean(0.5),
            **courses,
            **{f"{name}_ci95": [[0.4, 0.6]] for name in curves},
        }

    policies = {f"{name}{suffix}": policy(value + shift) for name, value in REGRETS.items()}
    return {"stage": "bandit", "doors": 40, "horizon": 1, "policies": policies}


def probes(shift: float) -> dict:
    def scores(level: float, *targets: str) -> dict:
        return {name: {"metric": "accuracy", **mean(level + shift)} for name in targets}

    return {
        "stage": "probe",
        "probes": {
            "contrastive_statistician": scores(0.95, "handedness", "swing", "joint_angle"),
            "statistician": scores(0.9, "handedness", "swing", "joint_angle"),
            "vae": scores(0.6, "handedness", "swing", "joint_angle"),
        },
        "components": {
            "contrastive_statistician": scores(0.85, "handedness", "swing"),
            "statistician": scores(0.8, "handedness", "swing"),
            "vae": scores(0.7, "handedness", "swing"),
        },
    }


def diagnosis(shift: float) -> dict:
    def likeness(content: float, texture: float) -> dict:
        found = {"content": content, "texture": texture}
        return {name: {"accuracy": mean(x + shift), "mmd2": None} for name, x in found.items()}

    return {
        "stage": "diagnose",
        "reference": likeness(0.5, 0.5),
        "diagnosis": {
            kind: {
                "two_sample": {"samples": likeness(0.61 + more, 0.72 + more)},
                "attributes": {
                    "reconstructions": {"scores": {"joint_angle": mean(0.77 + more + shift)}}
                },
            }
            for kind, more in (
                ("contrastive_statistician", 0.0),
                ("statistician", 0.1),
                ("vae", 0.2),
            )
        },
    }


@pytest.fixture
def demo(tmp_path):
    """Writes the results of a demo, all values moved by `shift`; returns its folder."""

    def write(seed: int, shift: float = 0.0) -> Path:
        folder = tmp_path / f"seed-{seed}"
        for name, content in (
            ("bandit/regret.json", regrets("", shift)),
            ("ensembles/regret.json", regrets(":ensemble", shift - 0.02)),
            ("probe/probes.json", probes(shift)),
            ("diagnose/diagnosis.json", diagnosis(shift)),
        ):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(json.dumps(content))
        return folder

    return write


def test_figures_are_numbers_of_result_files(script, demo):
    found = script._figures(demo(0))
    expected = {
        "regret/contrastive_ssnp": 0.05, "regret/np": 0.11,
        "regret/np - contrastive_ssnp": 0.06, "regret/vae_np - contrastive_ssnp": 0.25,
        "regret/contrastive_ssnp:ensemble": 0.03,
        "regret/contrastive_np:ensemble - contrastive_ssnp:ensemble": 0.01,
        "probe/statistician/joint_angle": 0.9, "probe/vae/swing": 0.6,
        "probe/contrastive_statistician - vae/handedness": 0.35,
        "probe/contrastive_statistician - statistician/swing": 0.05,
        "components/statistician/swing": 0.8,
        "components/contrastive_statistician - vae/handedness": 0.15,
        "reconstructions/contrastive_statistician/joint_angle": 0.77,
        "samples/statistician/content": 0.71, "samples/vae/texture": 0.92,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    # Models and differences, alone and as ensembles; three encoders and two differences; scores.
    assert len(found) == 2 * (5 + 4) + 5 * 3 + 5 * 2 + 3 * 3


def test_figures_reject_files_that_are_no_results(script, demo):
    folder = demo(0)
    file = folder / "probe/probes.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "probes": {}}))
    with pytest.raises(ResultError, match=r"a result of doorlab in .*probes\.json"):
        script._figures(folder)


def test_run_pools_demos_with_students_t(script, demo, tmp_path, monkeypatch):
    shifts = {0: 0.0, 1: 0.02, 5: -0.01}
    monkeypatch.setattr(script, "_demo", lambda config, seed: demo(seed, shifts[seed]))
    opened = SimpleNamespace(simulator="painted")
    monkeypatch.setattr(script, "DoorDataset", SimpleNamespace(open=lambda path: opened))
    path = script.run(script.Config(out=tmp_path, seeds=tuple(shifts)))
    result = json.loads(path.read_text())
    values = np.array([0.05 + shift for shift in shifts.values()])
    spread = scipy.stats.sem(values)
    low, high = scipy.stats.t.interval(0.95, len(values) - 1, loc=values.mean(), scale=spread)
    pooled = result["metrics"]["regret/contrastive_ssnp"]
    assert pooled["mean"] == pytest.approx(values.mean())
    assert pooled["ci95"] == pytest.approx([low, high])
    assert pooled["n"] == 3
    # All models of a demo are moved alike, so that differences have no spread.
    assert result["metrics"]["regret/np - contrastive_ssnp"]["ci95"] == pytest.approx([0.06, 0.06])
    assert result["demos"]["5"]["samples/statistician/content"] == pytest.approx(0.70)
