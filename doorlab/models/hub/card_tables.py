"""Tables of a model card, in Markdown, from the plain values of config.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Row = Sequence[str]

_POLICIES = {
    "model": "this model, greedy",
    "random": "random actions",
    "gp_ucb": "GP-UCB, without frames",
    "visible_oracle": "oracle of the visible parameters",
    "oracle": "oracle of all parameters",
}
_METRICS = {
    "reward_mse_after_0": "squared error of rewards before any interaction",
    "reward_mse_after_1": "squared error of rewards after 1 interaction",
    "reward_mse_after_4": "squared error of rewards after 4 interactions",
    "reward_mse_after_10": "squared error of rewards after 10 interactions",
    "calibration_error_after_0": "calibration error before any interaction",
    "calibration_error_after_10": "calibration error after 10 interactions",
    "reconstruction_mse": "squared error of reconstructed frames, pixels in [0, 1]",
}
_FACTS = {
    "prior": "prior",
    "seed": "seed of the dataset",
    "doors": "doors",
    "splits": "doors by split",
    "frames": "frames per door",
    "interactions": "interactions per door",
    "simulator": "simulator",
    "checksum": "checksum of the dataset",
}


def table(head: Row, rows: Iterable[Row]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def dataset_rows(facts: Mapping[str, Any], image_size: int) -> list[Row]:
    """Rows (property, value) about the training doors."""
    known = [[words, _shown(facts[name])] for name, words in _FACTS.items() if facts.get(name)]
    return [*known, ["image size", f"{image_size} x {image_size} pixels"]]


def validation_rows(metrics: Mapping[str, Any]) -> list[Row]:
    """Rows (metric, mean and interval, number of doors) of metrics on validation doors."""
    return [
        [words, estimate(metrics[name]), _number(metrics[name])]
        for name, words in _METRICS.items()
        if metrics.get(name)
    ]


def regret_rows(policies: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """Rows (policy, mean regret, first reward, last reward) with intervals."""
    return [
        [words, *(estimate(policies[name].get(key)) for key in _REWARDS)]
        for name, words in _POLICIES.items()
        if name in policies
    ]


def probe_rows(scores: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """Rows (target, metric, score and interval, score of a constant prediction)."""
    return [
        [
            f"{score['label']}",
            "accuracy" if score.get("metric") == "accuracy" else "R^2",
            estimate(score),
            f"{score['guessing']:.2f}",
        ]
        for score in scores.values()
    ]


def estimate(value: Mapping[str, Any] | None) -> str:
    """An estimate with its 95 % interval, "0.123 (0.100 to 0.150)", or a dash."""
    if not value:
        return "-"
    low, high = value["ci95"]
    digits = 4 if abs(value["mean"]) < 0.1 else 3
    return f"{value['mean']:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _number(value: Mapping[str, Any]) -> str:
    return f"{value['n']:,}" if "n" in value else "-"


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{count:,} {name}" for name, count in value.items() if count)
    return f"{value}" if isinstance(value, int) else f"`{value}`"


_REWARDS = ("mean_regret", "first_reward", "last_reward")
