"""Tables of policies and reward errors with intervals, for the HTML report and the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from doorlab.plots.style import focus_model, sort_models, style_of
from doorlab.report.page import DASH, Html, element, join, table
from doorlab.result_schemas import read_part

TOO_SMALL = "study too small"  # the result of a claim in a study with too few doors or seeds


def regret_table(path: str | Path) -> Table:
    """Terminal table of a result of `doorlab bandit`.

    Raises ResultError if the file `path` is missing or is not a result of `doorlab bandit`.
    """
    result = read_part(Path(path), "bandit")
    policies = result["policies"]
    terminal_table = Table(
        title=f"{result['doors']} held-out doors, {result['horizon']} interactions each"
    )
    terminal_table.add_column("policy")
    several = any(policy.get("seeds", 1) > 1 for policy in policies.values())
    seeds = ["training seeds"] if several else []
    for head in (*seeds, "mean regret", "95 % interval", "first reward"):
        terminal_table.add_column(head, justify="right")
    for name in sort_models(policies):
        policy = policies[name]
        low, high = policy["mean_regret"]["ci95"]
        terminal_table.add_row(
            style_of(name).label,
            *([f"{policy.get('seeds', 1)}"] if several else []),
            f"{policy['mean_regret']['mean']:.3f}",
            f"{low:.3f} to {high:.3f}",
            f"{policy['first_reward']['mean']:.3f}",
        )
    return terminal_table


def in_words(estimate: Mapping[str, Any] | None, digits: int = 3) -> str:
    """An estimate with its interval for the terminal, "0.123 (0.100 to 0.150)", or a dash."""
    if not estimate:
        return DASH
    low, high = estimate["ci95"]
    return f"{estimate['mean']:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def interval(estimate: dict[str, Any] | None, digits: int = 3, *, bold: bool = False) -> Html:
    """An estimate with its interval in small type, or a dash, for the HTML report."""
    if not estimate:
        return Html(DASH)
    low, high = estimate["ci95"]
    mean = element("span", f"{estimate['mean']:.{digits}f}", class_="best" if bold else False)
    return join(mean, " ", element("small", f"[{low:.{digits}f}, {high:.{digits}f}]"))


def model_name(name: str) -> Html:
    """The label of a model after a dot in its color."""
    style = style_of(name)
    return join(element("span", class_="key", style=f"background:{style.color}"), style.label)


def policy_table(regret: dict[str, Any]) -> Html:
    """HTML table of regret and rewards by policy, with differences to the headline model."""
    policies = regret["policies"]
    hero = focus_model(policies)
    differences = regret.get("paired_differences", {})
    several = any(policy.get("seeds", 1) > 1 for policy in policies.values())
    head = ["policy", *(["training seeds"] if several else [])]
    head += ["mean regret", "first reward", "last reward"]
    head += [f"regret minus {style_of(hero).label}'s"] if hero else []
    rows = []
    for name in sort_models(policies):
        policy = policies[name]
        keys = ("mean_regret", "first_reward", "last_reward")
        seeds = [f"{policy.get('seeds', 1)}"] if several else []
        cells = [model_name(name), *seeds, *(interval(policy.get(key)) for key in keys)]
        if hero:
            cells.append(interval(differences.get(name, {}).get(hero)))
        rows.append(cells)
    return table(
        head,
        rows,
        f"Means over {regret['doors']} doors with 95 % intervals over doors"
        f"{' and training seeds' if several else ''}. The differences in the last column are "
        "paired by door: an interval above zero means that the policy is worse.",
    )


def error_table(plots: dict[str, Any]) -> Html | None:
    """HTML table of reward errors by size of the context set; None without these metrics."""
    found = plots.get("metrics", {}).get("adaptation")
    if not found:
        return None
    errors, counts, variance = (
        found[key] for key in ("reward_mse", "context_counts", "reward_variance")
    )
    head = ["squared error after", *(f"{n}" for n in counts)]
    rows = [[model_name(n), *(interval(e, 4) for e in errors[n])] for n in sort_models(errors)]
    doors = held_out_doors(error for of_model in errors.values() for error in of_model)
    caption = (
        f"By the number of previous interactions with the same door; {doors}. Error of always "
        f"predicting the mean reward: {variance:.4f}."
    )
    return table(head, rows, caption, stack_seeds=True)


def held_out_doors(estimates: Iterable[Mapping[str, Any] | None]) -> str:
    """The doors behind estimates as text: "200 held-out doors", or "held-out doors"."""
    most = max((estimate.get("n", 0) for estimate in estimates if estimate), default=0)
    return f"{most} held-out doors" if most else "held-out doors"
