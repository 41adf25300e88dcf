"""Figures of result files for `doorlab plot`: probes, bandit, study and training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from doorlab.evaluation.probes import TARGETS
from doorlab.intervals import Estimate
from doorlab.models.description import read_description
from doorlab.plots import studies
from doorlab.plots.context import MissingInput, NotRun, Plot, PlotContext
from doorlab.plots.figures import curves
from doorlab.plots.figures import probes as probe_figure
from doorlab.plots.figures.curves import Curve
from doorlab.plots.figures.probe_curves import probe_curves
from doorlab.plots.figures.training import TrainingHistory
from doorlab.plots.figures.training import training as training_figure
from doorlab.plots.studies import probe_subplots
from doorlab.plots.style import Figure
from doorlab.result_schemas import read_part
from doorlab.run_layout import BANDIT_FILE, METRICS_FILE, REWARD_FILE
from doorlab.storage.text_paths import as_text


def probes(sources: PlotContext) -> Plot:
    """Scores of `doorlab probe`, by model and target."""
    result = sources.result("probe")
    scores = {
        model: {target: _estimate(found) for target, found in targets.items()}
        for model, targets in result["probes"].items()
    }
    known = {target for targets in scores.values() for target in targets}
    labels = {
        metric: {n: t.label for n, t in TARGETS.items() if n in known and t.metric == metric}
        for metric in ("accuracy", "r2")
    }
    if not any(labels.values()):
        raise MissingInput("the probes have no known target")
    guessing = {name: target["guessing"] for name, target in result.get("targets", {}).items()}
    return Plot(probe_figure.probes(scores, labels["accuracy"], labels["r2"], guessing))


def probe_frames(sources: PlotContext) -> Plot:
    """Probe scores by number of frames."""
    return _probe_curves(sources, "frames", "--frames 1 2 4 8")


def probe_doors(sources: PlotContext) -> Plot:
    """Probe scores by number of labeled doors."""
    return _probe_curves(sources, "doors", "--probe-doors 10 30 100 300 1000")


def _probe_curves(sources: PlotContext, axis: str, option: str) -> Plot:
    result = sources.result("probe")
    if axis not in result.get("curves", {}):
        raise MissingInput(
            f"the probes have one number of {axis}. `doorlab probe {option}` gives several"
        )
    subplots = probe_subplots(result, axis)
    arrays = _curve_arrays({subplot.label: dict(subplot.curves) for subplot in subplots})
    return Plot(probe_curves(axis, subplots), arrays)


def opened(sources: PlotContext) -> Plot:
    """Share of doors opened by each interaction."""
    found = _policy_curves(sources, "opened_by")
    return Plot(curves.opened(found), _curve_arrays({"opened_by": found}))


def regret(sources: PlotContext) -> Plot:
    """Regret per interaction, and cumulative regret."""
    per_interaction = _policy_curves(sources, "regret_per_interaction")
    cumulative = _policy_curves(sources, "cumulative_regret")
    arrays = _curve_arrays(
        {"regret_per_interaction": per_interaction, "cumulative_regret": cumulative}
    )
    return Plot(curves.regret(per_interaction, cumulative), arrays)


def study_labels(sources: PlotContext) -> Plot:
    """Errors and regrets of a study by number of labeled doors."""
    return _of_study(sources, studies.labels)


def study_adaptation(sources: PlotContext) -> Plot:
    """Reward errors of a study by size of the context set."""
    return _of_study(sources, studies.adaptation)


def study_regret(sources: PlotContext) -> Plot:
    """Regret of a study by number of interactions."""
    return _of_study(sources, studies.regret_by_interaction)


def _of_study(
    sources: PlotContext, draw: Callable[[Mapping[str, Any], Mapping[str, Any]], Figure]
) -> Plot:
    return Plot(draw(sources.study[REWARD_FILE], sources.study[BANDIT_FILE]))


def training(sources: PlotContext) -> Plot:
    """Training curves of all runs."""
    folders = [f for f in sources.folders.models if (f / METRICS_FILE).exists()]
    if not folders:
        raise NotRun("pretrain", "train")
    kinds = [read_description(folder).kind for folder in folders]
    histories = {
        kind if kinds.count(kind) == 1 else as_text(folder.name): _history(
            read_part(folder / METRICS_FILE)
        )
        for kind, folder in zip(kinds, folders, strict=True)
    }
    histories = {name: history for name, history in histories.items() if len(history.steps)}
    if not histories:
        raise MissingInput("no model has a history of its training")
    arrays = {
        f"{name}/{part}": np.asarray(values)
        for name, history in histories.items()
        for part, values in vars(history).items()
        if part != "divergences"
    }
    for name, history in histories.items():
        arrays |= {f"{name}/kl_{latent}": kl for latent, kl in history.divergences.items()}
    return Plot(training_figure(histories), arrays)


def _estimate(found: dict[str, Any]) -> Estimate:
    low, high = map(float, found["ci95"])
    return Estimate(float(found["mean"]), (low, high), found.get("n", 0))


def _policy_curves(sources: PlotContext, key: str) -> dict[str, Curve]:
    policies = sources.result("bandit")["policies"]
    return {
        name: Curve.through(range(1, len(p[key]) + 1), p[key], p[f"{key}_ci95"])
        for name, p in policies.items()
    }


def _curve_arrays(groups: dict[str, dict[str, Curve]]) -> dict[str, np.ndarray]:
    return {
        f"{group}/{name}/{part}": values
        for group, found in groups.items()
        for name, curve in found.items()
        for part, values in vars(curve).items()
    }


def _history(metrics: dict[str, Any]) -> TrainingHistory:
    """Losses of a run; for reward models, squared errors of rewards, which are easier to interpret.

    On validation doors, the squared errors are means over several sizes of the context set.
    """
    records = {part: metrics.get("history", {}).get(part, []) for part in ("train", "validation")}
    key = "reward_mse" if any("reward_mse" in r for r in records["train"]) else "loss"
    columns = []
    for part in ("train", "validation"):
        found = [
            (r["step"], [v for k, v in r.items() if k.startswith(key) and v is not None])
            for r in records[part]
        ]
        columns.append(np.array([step for step, values in found if values], dtype=float))
        columns.append(np.array([np.mean(values) for _, values in found if values], dtype=float))
    if key == "reward_mse":
        return TrainingHistory("squared error", *columns)
    return TrainingHistory("loss", *columns, divergences=_divergences(records["train"]))


def _divergences(records: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """Latent NAME -> values of kl_NAME, for entries that occur in every record."""
    names = sorted(name for name in (records[0] if records else {}) if name.startswith("kl_"))
    return {
        name.removeprefix("kl_"): np.array([record[name] for record in records], dtype=float)
        for name in names
        if all(record.get(name) is not None for record in records)
    }
