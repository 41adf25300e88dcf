"""Tables of `doorlab study`: claims, and metrics by number of labeled doors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from doorlab.intervals import sample_size
from doorlab.plots.style import sort_models, style_of
from doorlab.report.page import DASH, Html, element, table
from doorlab.report.tables.policies import TOO_SMALL, interval, model_name
from doorlab.result_schemas import read_study
from doorlab.run_layout import BANDIT_FILE, CLAIMS_FILE, REWARD_FILE

_RESULTS = {True: "yes", False: "no", None: "undecided"}


def claim_counts(claimed: Mapping[str, Any]) -> dict[str, int]:
    """Result of a claim as text -> number of claims with this result; no zero counts."""
    answers = [answer_to(claim) for claim in claimed["claims"]]
    known = (*_RESULTS.values(), TOO_SMALL)
    return {answer: answers.count(answer) for answer in known if answer in answers}


def answer_to(claim: Mapping[str, Any]) -> str:
    """Whether a claim of claims.json is reproduced, as text."""
    return TOO_SMALL if claim.get("too_small") else _RESULTS[claim["reproduced"]]


def study_tables(folder: str | Path) -> list[Table]:
    """Terminal tables of metrics by number of labeled doors, and of the claims.

    Raises ResultError if a result file of the study is missing or invalid.
    """
    files = read_study(Path(folder))
    reward, opened, claimed = (files[name] for name in (REWARD_FILE, BANDIT_FILE, CLAIMS_FILE))
    of = size_of_study(claimed)
    errors = _terminal(reward["models"], "reward_mse_over_variance", "Squared error / variance", of)
    regrets = _terminal(opened["policies"], "mean_regret", "Mean regret", of)
    elsewhere = [
        _terminal(
            _by_count(found),
            "mean_regret",
            f"Mean regret on doors of the prior {prior}",
            size_of_study(claimed | found),
        )
        for prior, found in opened.get("ood", {}).items()
    ]
    return [errors, regrets, *elsewhere, _terminal_claims(claimed)]


def size_of_study(about: Mapping[str, Any]) -> str:
    """Numbers of doors and training seeds behind a table, as text."""
    return sample_size(about["doors"], about["seeds"])


def elsewhere_tables(opened: Mapping[str, Any], claimed: Mapping[str, Any]) -> list[Html]:
    """HTML tables of mean regret on doors of other priors."""
    return [
        label_table(
            _by_count(found),
            "mean_regret",
            f"Mean regret on doors of the prior {prior}",
            size_of_study(claimed | found),
        )
        for prior, found in opened.get("ood", {}).items()
    ]


def _by_count(found: Mapping[str, Any]) -> dict[str, Any]:
    """Policy -> number of labeled doors -> metrics, from results with one number of doors."""
    return {name: {str(found["num_labeled"]): of} for name, of in found["policies"].items()}


def claims_table(claimed: Mapping[str, Any]) -> Html:
    """HTML table of the claims."""
    rows = [
        [claim["claim"], element("b", answer_to(claim)), claim["how_much"]]
        for claim in claimed["claims"]
    ]
    caption = f"Claims about {style_of(claimed['method']).label}; {size_of_study(claimed)}."
    return table(["claim", "reproduced", "how much"], rows, caption)


def label_table(found: Mapping[str, Any], metric: str, heading: str, of: str) -> Html:
    """HTML table of a metric by model and number of labeled doors.

    Args:
        found: model -> number of labeled doors -> metrics.
        metric: name of the metric to show.
        heading: label of the metric.
        of: numbers of doors and seeds, as text.
    """
    counts = _counts(found)
    rows = [
        [model_name(name), *(interval(found[name].get(n, {}).get(metric)) for n in counts)]
        for name in sort_models(found)
    ]
    caption = f"95 % intervals; {of}."
    return table([f"{heading}, labeled doors:", *counts], rows, caption, stack_seeds=True)


def _counts(found: Mapping[str, Any]) -> list[str]:
    return sorted({count for of in found.values() for count in of}, key=int)


def _terminal(found: Mapping[str, Any], metric: str, heading: str, of: str) -> Table:
    terminal_table, counts = Table(title=f"{heading}, by labeled doors ({of})"), _counts(found)
    terminal_table.add_column("")
    for count in counts:
        terminal_table.add_column(count, justify="right")
    for name in sort_models(found):
        figures = [found[name].get(count, {}).get(metric) for count in counts]
        terminal_table.add_row(
            style_of(name).label, *(f"{f['mean']:.3f}" if f else DASH for f in figures)
        )
    return terminal_table


def _terminal_claims(claimed: Mapping[str, Any]) -> Table:
    title = f"Claims about {style_of(claimed['method']).label} ({size_of_study(claimed)})"
    terminal_table = Table(title=title, show_lines=True)
    for head in ("claim", "reproduced", "how much"):
        terminal_table.add_column(head)
    for claim in claimed["claims"]:
        terminal_table.add_row(claim["claim"], answer_to(claim), claim["how_much"])
    return terminal_table
