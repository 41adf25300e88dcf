"""The results of `doorlab study`: which claims hold, and figures by the number of labels."""

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

_ANSWERS = {True: "yes", False: "no", None: "can't tell"}


def claim_counts(claimed: Mapping[str, Any]) -> dict[str, int]:
    """Answer in words -> number of claims that it is given to; those that are given to any."""
    answers = [answer_to(claim) for claim in claimed["claims"]]
    known = (*_ANSWERS.values(), TOO_SMALL)
    return {answer: answers.count(answer) for answer in known if answer in answers}


def answer_to(claim: Mapping[str, Any]) -> str:
    """Whether a claim of claims.json is reproduced, in words."""
    return TOO_SMALL if claim.get("too_small") else _ANSWERS[claim["reproduced"]]


def study_tables(folder: str | Path) -> list[Table]:
    """For the terminal: figures by the number of labelled doors, and the claims.

    Raises ResultError when the files of the study are missing or are none.
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
    """How many doors and training seeds a table rests on, in words."""
    return sample_size(about["doors"], about["seeds"])


def elsewhere_tables(opened: Mapping[str, Any], claimed: Mapping[str, Any]) -> list[Html]:
    """Mean regret on doors of other priors, for the page."""
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
    """Policies as those of a study are: by the number of labelled doors."""
    return {name: {str(found["labelled"]): of} for name, of in found["policies"].items()}


def claims_table(claimed: Mapping[str, Any]) -> Html:
    """For the page."""
    rows = [
        [claim["claim"], element("b", answer_to(claim)), claim["how_much"]]
        for claim in claimed["claims"]
    ]
    caption = f"What is claimed of {style_of(claimed['method']).label}; {size_of_study(claimed)}."
    return table(["claim", "reproduced", "how much"], rows, caption)


def label_table(found: Mapping[str, Any], metric: str, heading: str, of: str) -> Html:
    """A metric of every model by the number of labelled doors, for the page.

    Args:
        found: model -> number of labelled doors -> metrics.
        metric: name of the one to show.
        heading: what it is, in words.
        of: how many doors and seeds it rests on, in words.
    """
    counts = _counts(found)
    rows = [
        [model_name(name), *(interval(found[name].get(n, {}).get(metric)) for n in counts)]
        for name in sort_models(found)
    ]
    caption = f"95 % intervals; {of}."
    return table([f"{heading}, labelled doors:", *counts], rows, caption, stack_seeds=True)


def _counts(found: Mapping[str, Any]) -> list[str]:
    return sorted({count for of in found.values() for count in of}, key=int)


def _terminal(found: Mapping[str, Any], metric: str, heading: str, of: str) -> Table:
    shown, counts = Table(title=f"{heading}, by labelled doors ({of})"), _counts(found)
    shown.add_column("")
    for count in counts:
        shown.add_column(count, justify="right")
    for name in sort_models(found):
        figures = [found[name].get(count, {}).get(metric) for count in counts]
        shown.add_row(style_of(name).label, *(f"{f['mean']:.3f}" if f else DASH for f in figures))
    return shown


def _terminal_claims(claimed: Mapping[str, Any]) -> Table:
    title = f"Claims of {style_of(claimed['method']).label} ({size_of_study(claimed)})"
    shown = Table(title=title, show_lines=True)
    for head in ("claim", "reproduced", "how much"):
        shown.add_column(head)
    for claim in claimed["claims"]:
        shown.add_row(claim["claim"], answer_to(claim), claim["how_much"])
    return shown
