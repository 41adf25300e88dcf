"""Verdicts: sentences that test the caption of a figure with numbers from result files.

A verdict is one sentence that begins with "Measured" and follows the caption. A figure has no
verdict if the run lacks the necessary result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from doorlab.plots.style import focus_model, sort_models, style_of
from doorlab.report.page import enumeration
from doorlab.report.run_files import RunFiles
from doorlab.report.tables.policies import in_words
from doorlab.report.tables.study import size_of_study
from doorlab.run_layout import CLAIMS_FILE

GOOD_ACCURACY, GOOD_R2 = 0.95, 0.80  # scores from which a parameter counts as encoded
_INDISTINGUISHABLE = 0.55  # largest classifier accuracy at which frames count as indistinguishable
_CALIBRATED = 0.02  # largest mean deviation of coverage at which intervals count as calibrated
_TARGETS = {"handedness": "hinge side", "swing": "pull or push", "joint_angle": "joint angle"}
_ATTRIBUTES = {
    "joint_angle": "the joint angle with R²",
    "handedness": "the hinge side with accuracy",
    "swing": "the swing with accuracy",
}


def verdict(figure: str, run: RunFiles) -> str:
    """The verdict on a figure of `plots.captions`; empty without the necessary result."""
    decide = _VERDICTS.get(figure)
    words = decide(run) if decide else ""
    return f"Measured: {words}." if words else ""


def is_at_chance(score: Mapping[str, Any], guessing: float | None) -> bool:
    """Whether the 95 % interval of a probe's score reaches down to the score of guessing."""
    return guessing is not None and bool(score["ci95"][0] <= guessing)


def guessing(probes: Mapping[str, Any], target: str) -> float | None:
    """Score of a constant prediction on the test doors: the share of the majority, or an R² of 0.

    None if the result does not contain it.
    """
    return probes.get("targets", {}).get(target, {}).get("guessing")


def _encoded(probes: Mapping[str, Any], scores: Mapping[str, Any], target: str) -> str:
    score = scores[target]
    good = GOOD_ACCURACY if score["metric"] == "accuracy" else GOOD_R2
    if is_at_chance(score, guessing(probes, target)):
        answer = "at chance level"
    else:
        answer = "encoded" if score["mean"] >= good else "partly encoded"
    unit = "R² " if score["metric"] == "r2" else ""
    return f"{_TARGETS[target]} {unit}{score['mean']:.2f} ({answer})"


def _reconstructions(run: RunFiles) -> str:
    """Probe scores of the latents, and attributes predicted from the reconstructions."""
    probes = run.probes
    words = []
    for model in sort_models(probes.get("probes", {})):
        scores = probes["probes"][model]
        found = [_encoded(probes, scores, target) for target in _TARGETS if target in scores]
        if found and (not run.diagnosis or model in run.diagnosis["diagnosis"]):
            words.append(f"{style_of(model).label}: {', '.join(found)}")
    parts = [f"linear probes on the latents of the {'; of the '.join(words)}" if words else ""]
    return ". ".join(filter(None, [*parts, predicted_attributes(run.diagnosis)]))


def predicted_attributes(diagnosis: Mapping[str, Any]) -> str:
    """Sentence on the attributes predicted from reconstructions; empty for a result without."""
    real = diagnosis.get("attributes", {}).get("scores", {})
    known = {name: words for name, words in _ATTRIBUTES.items() if real.get(name)}
    models = diagnosis.get("diagnosis", {})
    parts = []
    for model in sort_models(models):
        found = models[model].get("attributes", {}).get("reconstructions", {}).get("scores", {})
        scores = [
            f"{words} {in_words(found[name], 2)}"
            for name, words in known.items()
            if found.get(name)
        ]
        if scores:
            parts.append(f"of the {style_of(model).label} {enumeration(scores)}")
    if not parts:
        return ""
    best = enumeration([f"{real[name]['mean']:.2f}" for name in known])
    return f"A network predicts from reconstructions {'; '.join(parts)}; from real frames {best}"


def _generated(kind: str) -> Callable[[RunFiles], str]:
    """Makes the verdict on generated frames: accuracy of a classifier against real frames."""

    def words(run: RunFiles) -> str:
        models = run.diagnosis.get("diagnosis", {})
        parts = []
        for name in sort_models(models):
            by_feature = models[name].get("two_sample", {}).get(kind, {})
            found = {f: scores["accuracy"] for f, scores in by_feature.items()}
            known = {feature: score for feature, score in found.items() if score}
            if known:
                scores = [f"{score['mean']:.2f} by {feature}" for feature, score in known.items()]
                answer = _likeness(list(known.values()))
                parts.append(f"{style_of(name).label} {enumeration(scores)}, {answer}")
        if not parts:
            return ""
        scores = f"accuracy of a classifier of these and real frames: {'; '.join(parts)}"
        prior = _prior_samples(models) if kind == "samples" else ""
        return ". ".join(filter(None, [scores, prior, _agreement(run.diagnosis, kind)]))

    return words


def _prior_samples(models: Mapping[str, Any]) -> str:
    """Sentence on samples from the prior instead of the fitted density; empty without them."""
    parts = []
    for name in sort_models(models):
        scores = models[name].get("two_sample", {}).get("prior_samples", {})
        found = {feature: score["accuracy"] for feature, score in scores.items()}
        known = [f"{score['mean']:.2f} by {feature}" for feature, score in found.items() if score]
        if known:
            parts.append(f"{style_of(name).label} {enumeration(known)}")
    return f"With samples from the prior N(0, 1): {'; '.join(parts)}" if parts else ""


def _agreement(diagnosis: Mapping[str, Any], kind: str) -> str:
    """Sentence on the consistency of the generated frames of a door; empty if it is not known."""
    real = diagnosis.get("attributes", {}).get("statistics", {})
    models = diagnosis.get("diagnosis", {})
    described = {"real doors": real} | {
        style_of(name).label: models[name].get("attributes", {}).get(kind, {}).get("statistics", {})
        for name in sort_models(models)
    }
    parts = [
        f"{name} {found['handedness_agreement']['mean']:.2f} and "
        f"{found['angle_std']['mean']:.2f} rad"
        for name, found in described.items()
        if found.get("handedness_agreement") and found.get("angle_std")
    ]
    if len(parts) < 2:
        return ""
    return (
        "Share of a door's frames with the same predicted hinge side, and standard deviation of "
        f"the predicted joint angle within a door: {'; '.join(parts)}"
    )


def _likeness(accuracies: Sequence[Mapping[str, Any]]) -> str:
    """The verdict over all features; frames are realistic only if no feature distinguishes them."""
    lows, highs = zip(*(score["ci95"] for score in accuracies), strict=True)
    if max(lows) > _INDISTINGUISHABLE:
        return "distinguishable from real frames"
    if max(highs) <= _INDISTINGUISHABLE:
        return "almost indistinguishable from real frames"
    doors = max((score.get("n", 0) for score in accuracies), default=0)
    return f"{doors} doors are too few for a verdict" if doors else "too few doors for a verdict"


def _latents(run: RunFiles) -> str:
    """Tests whether z encodes the joint angle and c does not."""
    parts = []
    for model in sort_models(run.probes.get("statisticians", ())):
        latents = run.probes.get("latents", {}).get(model, {})
        z, c = (latents.get(k, {}).get("joint_angle") for k in ("instance", "context"))
        if z is None or c is None:
            continue
        apart = z["mean"] >= GOOD_R2 and c["mean"] <= 0.5 * z["mean"]
        answer = "as expected" if apart else "not as expected"
        parts.append(
            f"for the {style_of(model).label}, probes of the joint angle have R² {z['mean']:.2f} "
            f"from z and R² {c['mean']:.2f} from c, {answer}"
        )
    return "; ".join(parts)


def _first_interaction(run: RunFiles) -> str:
    policies = run.regret.get("policies", {})
    main = focus_model(policies)
    if main is None or "visible_oracle" not in policies:
        return ""
    mine, most = (policies[n]["first_reward"]["mean"] for n in (main, "visible_oracle"))
    return (
        f"over all test doors, the mean reward of its first interaction is {mine:.2f}; the visible "
        f"oracle obtains {most:.2f}"
    )


def _adaptation(run: RunFiles) -> str:
    found = run.plots.get("metrics", {}).get("adaptation")
    if not found or len(found["context_counts"]) < 2:
        return ""
    parts = []
    for model in sort_models(found["reward_mse"]):
        first, *_, last = found["reward_mse"][model]
        if not first or not last:
            continue
        falls = last["ci95"][1] < first["ci95"][0]
        answer = "falls" if falls else "does not fall significantly"
        parts.append(
            f"{style_of(model).label} {answer} ({first['mean']:.4f} to {last['mean']:.4f})"
        )
    return f"the error of {enumeration(parts)}" if parts else ""


def _calibration(run: RunFiles) -> str:
    found = run.plots.get("metrics", {}).get("calibration")
    if not found:
        return ""
    errors = {name: error for name, error in found["calibration_error"].items() if error}
    left = [f"{style_of(name).label} {errors[name]['mean']:.3f}" for name in sort_models(errors)]
    right = [f"{style_of(name).label} {words}" for name, words in _coverage(found).items()]
    parts = [
        f"on the {side} {enumeration(metrics)}"
        for side, metrics in (("left", left), ("right", right))
        if metrics
    ]
    return f"mean distance from the dotted line, {'; '.join(parts)}" if parts else ""


def _coverage(calibration: Mapping[str, Any]) -> dict[str, str]:
    """Model -> mean deviation of the coverage of its intervals from the levels, with direction."""
    words = {}
    for name in sort_models(calibration["coverage"]):
        stated = zip(calibration["coverage"][name], calibration["levels"], strict=True)
        gaps = [share["mean"] - level for share, level in stated if share]
        if gaps:
            mean = sum(map(abs, gaps)) / len(gaps)
            way = "underconfident" if sum(gaps) > 0 else "overconfident"
            words[name] = f"{mean:.3f} ({way if mean > _CALIBRATED else 'calibrated'})"
    return words


def _study(run: RunFiles) -> str:
    """Numbers of doors and seeds of a study: intervals over few seeds are not reliable."""
    claimed = run.study.get(CLAIMS_FILE)
    return size_of_study(claimed) if claimed else ""


_VERDICTS: dict[str, Callable[[RunFiles], str]] = {
    "reconstructions": _reconstructions,
    "new_frames": _generated("new_frames"),
    "samples": _generated("samples"),
    "traversals": _latents,
    "correlations": _latents,
    "landscape": _first_interaction,
    "adaptation": _adaptation,
    "calibration": _calibration,
    "study_labels": _study,
    "study_adaptation": _study,
    "study_regret": _study,
}
