"""Figures of a study from its result files, for the study commands and `doorlab plot`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from doorlab.evaluation.label_efficiency import nearest_label_count
from doorlab.intervals import sample_size
from doorlab.plots.figures.curves import Curve, error_by_interactions, regret
from doorlab.plots.figures.label_curves import LabelSubplot, label_curves
from doorlab.plots.figures.probe_curves import ProbeSubplot, probe_curves
from doorlab.plots.style import Figure, footnote, style_of

_LEVELS = ("gp_ucb", "visible_oracle")  # policies whose regret is shown as horizontal lines


def labels(reward: Mapping[str, Any], opened: Mapping[str, Any]) -> Figure:
    """Figure of errors and regrets by number of labeled doors.

    Args:
        reward: content of reward.json.
        opened: content of bandit.json.
    """
    return _sized(label_curves(label_subplots(reward, opened)), reward)


def adaptation(reward: Mapping[str, Any], opened: Mapping[str, Any]) -> Figure:
    """Figure of the errors of the models in the bandit, by size of the context set.

    Args:
        reward: content of reward.json.
        opened: content of bandit.json.
    """
    at = _labeled(opened)
    errors = {
        model: _through(range(len(reward["contexts"])), found[at]["after"]["reward_mse"])
        for model, found in reward["models"].items()
        if at in found
    }
    figure = error_by_interactions(errors, reward["contexts"], reward["reward_variance"])
    return _sized(figure, reward)


def regret_by_interaction(reward: Mapping[str, Any], opened: Mapping[str, Any]) -> Figure:
    """Figure of the regret of policies with and without a model, by number of interactions.

    Args:
        reward: content of reward.json.
        opened: content of bandit.json.
    """
    at = _labeled(opened)
    policies = {model: found[at] for model, found in opened["policies"].items() if at in found}
    policies |= opened["baselines"]
    per_interaction, cumulative = (
        {name: _over_interactions(found, key) for name, found in policies.items()}
        for key in ("regret_per_interaction", "cumulative_regret")
    )
    return _sized(regret(per_interaction, cumulative), reward)


def _sized(figure: Figure, reward: Mapping[str, Any]) -> Figure:
    """Adds the numbers of doors and seeds below a figure; returns the figure."""
    footnote(figure, sample_size(reward["doors"], reward["seeds"]))
    return figure


def _labeled(opened: Mapping[str, Any]) -> str:
    """The number of labeled doors in claims about opening doors, as a key of the results."""
    return str(nearest_label_count(int(n) for found in opened["policies"].values() for n in found))


def _over_interactions(found: Mapping[str, Any], key: str) -> Curve:
    return Curve.through(range(1, len(found[key]) + 1), found[key], found[f"{key}_ci95"])


def _through(places: Sequence[int], found: Sequence[Mapping[str, Any]]) -> Curve:
    return Curve.through(places, [f["mean"] for f in found], [f["ci95"] for f in found])


def label_subplots(reward: Mapping[str, Any], opened: Mapping[str, Any]) -> list[LabelSubplot]:
    """Subplots of `figures.label_curves`, from the contents of reward.json and bandit.json."""
    errors = {
        model: _along(found, "reward_mse_over_variance")
        for model, found in reward["models"].items()
    }
    regrets = {model: _along(found, "mean_regret") for model, found in opened["policies"].items()}
    levels = {
        name: (style_of(name).label, opened["baselines"][name]["mean_regret"]["mean"])
        for name in _LEVELS
        if name in opened["baselines"]
    }
    mean = {"random": ("predicting the mean reward", 1.0)}
    return [
        LabelSubplot("Squared error / variance", errors, mean),
        LabelSubplot("Mean regret", regrets, levels),
    ]


def probe_subplots(result: Mapping[str, Any], axis: str) -> list[ProbeSubplot]:
    """Subplots of `figures.probe_curves`, from the curves of a probe result along `axis`."""
    curves = result["curves"][axis]
    targets = {t: None for scores in curves["scores"].values() for t in scores}
    found = []
    for target in targets:
        lines = {
            model: _curve(curves["at"], scores[target])
            for model, scores in curves["scores"].items()
            if target in scores
        }
        about = result["targets"][target]
        found.append(ProbeSubplot(about["label"], about["metric"], about["guessing"], lines))
    return found


def probes_along(result: Mapping[str, Any], axis: str) -> Figure:
    """Figure of the probe scores of `doorlab represent` for a prior, along "frames" or "doors"."""
    figure = probe_curves(axis, probe_subplots(result, axis))
    footnote(figure, sample_size(result["doors"]["test"], result["seeds"]))
    return figure


def _along(found: Mapping[str, Any], metric: str) -> Curve:
    counts = sorted(found, key=int)
    figures = [found[count][metric] for count in counts]
    means, intervals = [f["mean"] for f in figures], [f["ci95"] for f in figures]
    return Curve.through([int(count) for count in counts], means, intervals)


def _curve(at: list[int], figures: list[dict[str, Any] | None]) -> Curve:
    known = [(x, f) for x, f in zip(at, figures, strict=True) if f]
    means, intervals = [f["mean"] for _, f in known], [f["ci95"] for _, f in known]
    return Curve.through([x for x, _ in known], means, intervals)


FIGURES = {"labels": labels, "adaptation": adaptation, "regret": regret_by_interaction}
"""Name of the PNG in a study's folder -> the function that draws it."""
