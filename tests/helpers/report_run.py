"""A run folder with made-up results in the real formats."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from doorlab.bandit.rollout import Rollout
from doorlab.evaluation.generation.attribute_scores import STATISTICS
from doorlab.evaluation.regret import paired_differences, summarize
from doorlab.intervals import bootstrap_mean
from doorlab.plots.captions import CAPTIONS
from doorlab.plots.style import new_figure, save_png

DOORS, TRIES = 40, 6
PROVENANCE = {
    "commit": "0123456789abcdef0123456789abcdef01234567+changes",
    "date": "2026-01-02T03:04:05+00:00",
    "simulator": "pybullet",
    "doorlab": "1.2.3",
    "python": "3.11.7",
    "numpy": "2.2.6",
    "torch": "2.13.0",
    "pybullet": None,
    "processor": "Xeon, 2 cores",
    "system": "Linux-6.1",
}
REGRETS = {"random": 0.85, "gp_ucb": 0.6, "vae_np": 0.3, "np": 0.1, "ssnp": 0.05, "oracle": 0.0}


def make_rollout(regret: float, rng: np.random.Generator) -> Rollout:
    """Rewards about 1 - regret, better with every try."""
    spread = 0.1 * min(1.0, 10 * regret)
    regrets = regret * 0.9 ** np.arange(TRIES) + spread * rng.normal(size=(DOORS, TRIES))
    regrets = np.clip(regrets, 0.0, 1.0)
    return Rollout(
        actions=np.zeros((DOORS, TRIES, 4), np.float32),
        rewards=(1.0 - regrets).astype(np.float32),
        regrets=regrets,
        slipped=np.zeros((DOORS, TRIES), bool),
    )


def make_regret() -> dict:
    """As bandit/regret.json."""
    rng = np.random.default_rng(0)
    rollouts = {name: make_rollout(regret, rng) for name, regret in REGRETS.items()}
    return {
        "stage": "bandit",
        "doorlab_version": "1.2.3",
        "provenance": PROVENANCE,
        "seed": 7,
        "config": {"kappa": 1.0},
        "dataset_checksum": "blake2b:0123456789abcdef0123",
        "doors": DOORS,
        "horizon": TRIES,
        "policies": {name: summarize(rollout) for name, rollout in rollouts.items()},
        "paired_differences": paired_differences(rollouts),
    }


def make_probes() -> dict:
    """As probe/probes.json."""
    rng = np.random.default_rng(1)

    def score(metric: str, level: float) -> dict:
        values = rng.random(50) < level if metric == "accuracy" else rng.normal(level, 0.2, 50)
        return {"metric": metric, **bootstrap_mean(values).to_json()}

    targets = {"handedness": "accuracy", "width": "r2", "joint_angle": "r2"}
    levels = {"vae": 0.6, "statistician": 0.9}
    latents = {
        model: {
            latent: {target: score(metric, level) for target, metric in targets.items()}
            for latent in ("context", "instance")
        }
        for model, level in levels.items()
    }
    return {
        "stage": "probe",
        "provenance": PROVENANCE,
        "seed": 0,
        "dataset_checksum": "blake2b:0123456789abcdef0123",
        "config": {"doors": 1000},
        "statisticians": ["statistician"],
        "targets": {
            target: {"label": target, "metric": metric, "guessing": 0.55 if metric != "r2" else 0.0}
            for target, metric in targets.items()
        },
        "probes": {
            model: {target: score(metric, level) for target, metric in targets.items()}
            for model, level in levels.items()
        },
        "latents": latents,
        "differences": {"statistician - vae": {"width": bootstrap_mean(rng.random(50)).to_json()}},
    }


def make_diagnosis() -> dict:
    """As diagnose/diagnosis.json."""
    rng = np.random.default_rng(2)

    def estimate(level: float) -> dict:
        return bootstrap_mean(rng.normal(level, 0.01, 30)).to_json()

    def likeness(level: float) -> dict:
        return {
            feature: {"accuracy": estimate(level), "mmd2": estimate(level - 0.5)}
            for feature in ("content", "texture")
        }

    def model(level: float, made: tuple[str, ...], sizes: dict[str, int]) -> dict:
        return {
            "reconstruction_mse": estimate(0.01 / level),
            "elbo": estimate(level),
            "importance_bound": estimate(level + 0.1),
            "importance_bound_bits": estimate(7 - level),
            "kl": {name: [1.0] * size for name, size in sizes.items()},
            "active_units": {name: size - 1 for name, size in sizes.items()},
            "likelihood_scale": 0.1,
            "two_sample": {name: likeness(0.6 + 0.1 * i) for i, name in enumerate(made)},
            "sampling": f"{next(iter(sizes))} from a mixture of 3 Gaussians",
            "attributes": {
                "reconstructions": {"scores": scores(0.4 + 0.1 * level)},
                **{name: {"statistics": statistics(0.3 * level)} for name in made[1:]},
            },
        }

    def exactly(mean: float) -> dict:
        return {"mean": mean, "ci95": [mean - 0.01, mean + 0.02], "n": 30}

    def scores(level: float) -> dict:
        names = ("joint_angle", "handedness", "swing")
        return {name: exactly(level + 0.1 * i) for i, name in enumerate(names)}

    def statistics(level: float) -> dict:
        return {name: exactly(level + 0.05 * i) for i, name in enumerate(STATISTICS)}

    made = ("reconstructions", "samples")
    return {
        "stage": "diagnose",
        "provenance": PROVENANCE,
        "seed": 0,
        "dataset_checksum": "blake2b:0123456789abcdef0123",
        "config": {"samples": 24},
        "diagnosis": {
            "vae": model(1.0, made, {"z": 36}),
            "statistician": model(1.2, (*made, "new_frames"), {"c": 32, "z": 4}),
        },
        "reference": likeness(0.5),
        "attributes": {
            "training_doors": 1120,
            "validation_scores": scores(0.79),
            "scores": scores(0.75),
            "blurred_scores": scores(0.74),
            "statistics": statistics(0.5),
        },
        "metrics": {"differences": {"statistician - vae": {"elbo": estimate(0.2)}}},
    }


def make_plots() -> dict:
    """As plot/plot.json."""

    def score(mean: float) -> dict:
        return {"mean": mean, "ci95": [mean - 0.01, mean + 0.01], "n": 30}

    errors = {
        name: [bootstrap_mean(np.full(5, level / (1 + n))).to_json() for n in (0, 1)]
        for name, level in (("ssnp", 0.01), ("np", 0.02))
    }
    adaptation = {"reward_mse": errors, "context_counts": [0, 1], "reward_variance": 0.03}
    calibration = {
        "levels": [0.5, 0.9],
        "coverage": {"ssnp": [score(0.48), score(0.87)], "np": [score(0.7), score(0.96)]},
        "calibration_error": {"ssnp": score(0.012), "np": score(0.02)},
    }
    return {
        "stage": "plot",
        "provenance": PROVENANCE,
        "seed": 0,
        "config": {},
        "metrics": {"adaptation": adaptation, "calibration": calibration},
        "words": {"landscape": {"model": "SSNP"}, "calibration": {"context": "4"}},
        "skipped": {},
    }


def make_study() -> dict[str, dict]:
    """As the result files of a study, by their names."""

    def estimate(mean: float) -> dict:
        return {"mean": mean, "ci95": [mean - 0.01, mean + 0.02], "n": 50}

    def errors(means: dict[int, float]) -> dict:
        return {
            str(labeled): {
                "reward_mse_over_variance": estimate(mean),
                "after": {"reward_mse": [estimate(mean)]},
            }
            for labeled, mean in means.items()
        }

    def policy(mean: float) -> dict:
        course = {}
        for key in ("regret_per_interaction", "cumulative_regret", "opened_by"):
            course |= {key: [mean], f"{key}_ci95": [[mean, mean]]}
        return {"mean_regret": estimate(mean), "first_reward": estimate(mean), **course}

    claims = [
        {"claim": "it is better", "reproduced": True, "how_much": "by <half>"},
        {"claim": "it is faster", "reproduced": False, "how_much": "1.2"},
        {"claim": "it is cheaper", "reproduced": None, "how_much": "not studied"},
    ]
    files = {
        "reward.json": {
            "contexts": [0],
            "doors": 50,
            "seeds": 3,
            "reward_variance": 0.1,
            "models": {"np": errors({80: 0.4, 20: 0.9}), "ssnp": errors({20: 0.6, 80: 0.3})},
        },
        "bandit.json": {
            "policies": {"np": {"80": policy(0.2)}, "ssnp": {"80": policy(0.123)}},
            "baselines": {"gp_ucb": policy(0.75)},
            "ood": {"wild": {"num_labeled": 80, "policies": {"np": policy(0.4)}}},
        },
        "claims.json": {"method": "ssnp", "doors": 50, "seeds": 3, "claims": claims},
    }
    return {
        name: {"stage": "study", "provenance": PROVENANCE, **content}
        for name, content in files.items()
    }


@pytest.fixture(scope="session")
def study_files() -> dict[str, dict]:
    """The result files of a study, by their names; not to be changed."""
    return make_study()


@pytest.fixture
def run_folder(tmp_path: Path, whole_run: Path) -> Path:
    """Everything that the report can show, to be changed at will."""
    return Path(shutil.copytree(whole_run, tmp_path / "run"))


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that the report can show."""
    run = tmp_path_factory.mktemp("runs") / "run"
    dataset = {
        "doors": 100,
        "splits": {"train": 60, "validation": 10, "test": 30},
        "config": {"frames": 8, "image_size": 64, "interactions": 32, "seed": 3},
        "checksum": "blake2b:0123456789abcdef0123",
    }
    write(run / "dataset" / "dataset.json", dataset)
    write(run / "probe" / "probes.json", make_probes())
    write(run / "diagnose" / "diagnosis.json", make_diagnosis())
    write(run / "bandit" / "regret.json", make_regret())
    write(run / "plot" / "plot.json", make_plots())
    for stage, name in (("pretrain", "vae"), ("train", "ssnp")):
        write(run / stage / name / "model.json", {"kind": name, "seed": 5})
        write(
            run / stage / name / "metrics.json",
            {
                "provenance": PROVENANCE,
                "seed": 5,
                "metrics": {"steps": 1600, "labeled_doors": 50, "frame_doors": 60},
            },
        )
    for i, name in enumerate(CAPTIONS):
        save_png(new_figure(0.5 + 0.1 * i), run / "plot" / f"{name}.png")
    (run / "dataset" / "videos").mkdir()
    for i in range(3):
        (run / "dataset" / "videos" / f"door-0000{i}.mp4").write_bytes(b"\0film" + bytes([i]) * 20)
    return run


def write(path: Path, value: dict) -> None:
    """`value` as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
