"""Figures of a study from its result files: drawn when it ends, and by `doorlab plot`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from doorlab.evaluation.label_efficiency import nearest_label_count
from doorlab.plots.figures.curves import Curve, error_by_interactions, regret
from doorlab.plots.figures.label_curves import label_curves
from doorlab.plots.style import Figure
from doorlab.report.tables.study import label_panels


def labels(reward: Mapping[str, Any], opened: Mapping[str, Any]) -> Figure:
    """Errors and regrets by the number of labelled doors.

    Args:
        reward: the content of reward.json.
        opened: that of bandit.json.
    """
    return label_curves(label_panels(reward, opened))


def adaptation(reward: Mapping[str, Any], opened: Mapping[str, Any]) -> Figure:
    """Errors by the number of interactions, of the models that opened doors. Arguments as above."""
    at = _labelled(opened)
    errors = {
        model: _through(range(len(reward["contexts"])), found[at]["after"]["reward_mse"])
        for model, found in reward["models"].items()
        if at in found
    }
    return error_by_interactions(errors, reward["contexts"], reward["reward_variance"])


def regret_by_try(reward: Mapping[str, Any], opened: Mapping[str, Any]) -> Figure:
    """Regret by the number of tries, of models and of policies without one. Arguments as above."""
    at = _labelled(opened)
    policies = {model: found[at] for model, found in opened["policies"].items() if at in found}
    policies |= opened["baselines"]
    per_try, summed = (
        {name: _over_tries(found, key) for name, found in policies.items()}
        for key in ("regret_per_interaction", "cumulative_regret")
    )
    return regret(per_try, summed)


def _labelled(opened: Mapping[str, Any]) -> str:
    """The number of labelled doors that claims about opening doors are made with."""
    return str(nearest_label_count(int(n) for found in opened["policies"].values() for n in found))


def _over_tries(found: Mapping[str, Any], key: str) -> Curve:
    return Curve.through(range(1, len(found[key]) + 1), found[key], found[f"{key}_ci95"])


def _through(places: Sequence[int], found: Sequence[Mapping[str, Any]]) -> Curve:
    return Curve.through(places, [f["mean"] for f in found], [f["ci95"] for f in found])


FIGURES = {"labels": labels, "adaptation": adaptation, "regret": regret_by_try}
"""Name of the PNG in a study's folder -> the function that draws it."""
