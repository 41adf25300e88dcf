"""Tables of `doorlab probe` and `doorlab represent`, for the HTML report and the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from doorlab.intervals import MIN_DOORS, MIN_SEEDS, sample_size
from doorlab.plots.style import sort_models, style_of
from doorlab.report.page import DASH, Html, table
from doorlab.report.tables.policies import TOO_SMALL, held_out_doors, in_words, interval
from doorlab.result_schemas import read_part

_BESIDE = ("supervised", "vae")  # models whose latents are compared with those of statisticians
_METRICS = {"accuracy": "accuracy", "r2": "R²"}


def probe_tables(result: Mapping[str, Any]) -> list[Html]:
    """HTML tables of scores, paired differences and latents, as far as a result contains them."""
    latents = [_latent_table(result)] if result.get("latents") else []
    components = [_component_table(result)] if any(result.get("components", {}).values()) else []
    return [_score_table(result), *components, *_difference_tables(result), *latents]


def probe_table(path: str | Path) -> Table:
    """Terminal table of the scores of `doorlab probe`, by target, with the number of doors.

    Raises ResultError if the file is missing or is not a result of `doorlab probe`.
    """
    result = read_part(Path(path), "probe")
    return _terminal_scores("Linear probes, held-out doors", result["probes"])


def component_table(path: str | Path) -> Table | None:
    """Terminal table of the accuracies of independent components, which need no labels.

    None if the result has no components. Raises ResultError as `probe_table`.
    """
    components = read_part(Path(path), "probe").get("components", {})
    if not any(components.values()):
        return None
    return _terminal_scores("Independent components without labels, held-out doors", components)


def study_tables(path: str | Path) -> list[Table]:
    """Terminal tables of `doorlab represent`: scores and thresholds for every prior.

    Raises ResultError if the file is missing or is not a result of `doorlab represent`.
    """
    result = read_part(Path(path), "represent")
    return [
        table
        for prior, found in result["priors"].items()
        for table in (
            _terminal_scores(f"{prior}: linear probes, held-out doors", found["probes"]),
            *(_terminal_bars(prior, found, model) for model in sort_models(found["bars"])),
        )
    ]


def _targets(scores: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Target -> metric, for the targets of all models."""
    return {t: f["metric"] for model in sort_models(scores) for t, f in scores[model].items()}


def _score_table(result: Mapping[str, Any]) -> Html:
    scores, differences = result["probes"], result.get("differences", {})
    models = sort_models(scores)
    # A single difference is one more column; several differences have a table of their own.
    single = differences if len(differences) == 1 else {}
    head = ["", "score", *(style_of(name).label for name in models), *map(_minus, single)]
    rows = []
    for target, metric in _targets(scores).items():
        found = [scores[name].get(target) for name in models]
        best = max(f["mean"] for f in found if f)
        rows.append(
            [
                target.replace("_", " "),
                _METRICS[metric],
                *(interval(f, bold=bool(f) and f["mean"] == best) for f in found),
                *(interval(d.get(target)) for d in single.values()),
            ]
        )
    caption = f"95 % intervals; {_held_out_doors(scores)}."
    if single:
        caption += f" {_PAIRED}"
    return table(head, rows, caption, stack_seeds=len(models) > 2)


_PAIRED = (
    "The differences are paired by door; an interval above zero means that the statistician's "
    "embedding is better."
)


def _component_table(result: Mapping[str, Any]) -> Html:
    scores = result["components"]
    models = sort_models(scores)
    rows = [
        [target, _METRICS[metric], *(interval(scores[name].get(target)) for name in models)]
        for target, metric in _targets(scores).items()
    ]
    caption = (
        "Without labels: accuracy of the sign of one independent component of the embedding. For "
        "handedness, it is the component with the smallest kurtosis among those whose sign a "
        "mirror image changes; for swing, among the others. Labels of validation doors only tell "
        f"which sign is which class; {_held_out_doors(scores)}."
    )
    return table(["", "score", *(style_of(name).label for name in models)], rows, caption)


def _difference_tables(result: Mapping[str, Any]) -> list[Html]:
    differences = result.get("differences", {})
    if len(differences) < 2:
        return []
    by_model: dict[str, dict[str, Any]] = {}
    for pair, found in differences.items():
        by_model.setdefault(pair.split(" - ")[0], {})[pair] = found
    return [_difference_table(model, by_model[model]) for model in sort_models(by_model)]


def _difference_table(model: str, differences: Mapping[str, Any]) -> Html:
    head = [f"{style_of(model).label} minus", *(_rival(pair) for pair in differences)]
    targets = {target: None for found in differences.values() for target in found}
    rows = [
        [target.replace("_", " "), *(interval(d.get(target)) for d in differences.values())]
        for target in targets
    ]
    caption = f"{_PAIRED} Differences over {_held_out_doors(differences)}."
    return table(head, rows, caption, stack_seeds=True)


def _held_out_doors(scores: Mapping[str, Mapping[str, Any]]) -> str:
    return held_out_doors(score for found in scores.values() for score in found.values())


def _latent_table(result: Mapping[str, Any]) -> Html:
    latents, ours = result["latents"], sort_models(result.get("statisticians", ()))
    models = [name for name in (*ours, *_BESIDE) if latents.get(name, {}).get("instance")]
    if not models:
        return Html("")
    head = [""]
    for name in models:
        context, instance = ("c", "z") if name in ours else ("door", "frame")
        head += [f"{style_of(name).label}: {context}", instance]
    targets = _targets({f"{n} {k}": f for n in models for k, f in latents[n].items()})
    rows = [
        [
            f"{target.replace('_', ' ')} ({_METRICS[metric]})",
            *(
                interval(latents[name][latent].get(target))
                for name in models
                for latent in ("context", "instance")
            ),
        ]
        for target, metric in targets.items()
    ]
    doors = _held_out_doors({f"{n} {k}": f for n in models for k, f in latents[n].items()})
    caption = (
        f"Separate probes of the latents; {doors}. c should encode the door and not the angle, z "
        "the angle and not the door. Probes of z and of embeddings of frames use single frames."
    )
    return table(head, rows, caption, stack_seeds=True)


def _minus(pair: str) -> str:
    return " minus ".join(style_of(name).label for name in pair.split(" - "))


def _rival(pair: str) -> str:
    return style_of(pair.split(" - ")[1]).label


def _terminal_scores(heading: str, scores: Mapping[str, Mapping[str, Any]]) -> Table:
    models = sort_models(scores)
    terminal_table = Table(title=heading)
    for head in ("", "doors"):
        terminal_table.add_column(head)
    for name in models:
        terminal_table.add_column(style_of(name).label, justify="right")
    for target in _targets(scores):
        cells = [scores[name].get(target) for name in models]
        doors = max(cell.get("n", 0) for cell in cells if cell)
        means = (f"{cell['mean']:.3f}" if cell else DASH for cell in cells)
        terminal_table.add_row(target.replace("_", " "), f"{doors}", *means)
    return terminal_table


def _terminal_bars(prior: str, found: Mapping[str, Any], model: str) -> Table:
    label = style_of(model).label
    doors, seeds = found["doors"]["test"], found["seeds"]
    enough = doors >= MIN_DOORS and seeds >= MIN_SEEDS
    heading = f"{prior}: the {label}, minus its best baseline, and thresholds"
    terminal_table = Table(title=f"{heading} ({sample_size(doors, seeds)})")
    for head in (
        "",
        "score (95 %)",
        "minus best baseline (95 %)",
        "baseline",
        "threshold",
        "reached",
    ):
        terminal_table.add_column(head)
    scores = found["probes"][model]
    for target, score in scores.items():
        rival, bar = (found[part][model].get(target) for part in ("vs_best_baseline", "bars"))
        terminal_table.add_row(
            target.replace("_", " "),
            in_words(score),
            in_words(rival),
            style_of(rival["rival"]).label if rival else DASH,
            f"{bar['bar']:.2f}" if bar else DASH,
            _answer(bar, enough) if bar else DASH,
        )
    return terminal_table


def _answer(bar: Mapping[str, Any], enough: bool) -> str:
    """Whether a threshold is reached, as text; undecided for few doors or seeds."""
    return ("yes" if bar["reached"] else "no") if enough else TOO_SMALL
