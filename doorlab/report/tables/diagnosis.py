"""Tables of `doorlab diagnose`: likelihood bounds and quality of generated frames."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from doorlab.plots.style import sort_models, style_of
from doorlab.report.page import DASH, Html, join, table
from doorlab.report.tables.attributes import GENERATED, sampling_words
from doorlab.report.tables.policies import held_out_doors, in_words, interval, model_name
from doorlab.result_schemas import read_part

# name in the result -> head of the column, digits, whether higher is better
_MEASURES = {
    "reconstruction_mse": ("squared error of reconstructions", 4, False),
    "elbo": ("ELBO, nats per pixel", 3, True),
    "importance_bound": ("importance-weighted bound, nats per pixel", 3, True),
    "importance_bound_bits": ("importance-weighted bound, bits per pixel", 3, False),
}


def diagnosis_table(path: str | Path) -> Table:
    """Terminal table of reconstruction errors, likelihood bounds and sample quality by model.

    Raises ResultError if the file is missing or is not a result of `doorlab diagnose`.
    """
    result = read_part(Path(path), "diagnose")
    terminal_table = Table(title="Pretrained models on held-out doors, with 95 % intervals")
    made = "samples against real frames, accuracy (0.5: chance)"
    prior = "the same, samples from N(0, 1)"
    for head in ("", "doors", "reconstruction error", "ELBO, nats per pixel", made, prior):
        terminal_table.add_column(head)
    for name in sort_models(result["diagnosis"]):
        found = result["diagnosis"][name]
        error = found.get("reconstruction_mse")
        made_by = found.get("two_sample", {})
        terminal_table.add_row(
            style_of(name).label,
            f"{error['n']}" if error and "n" in error else DASH,
            in_words(error, 4),
            in_words(found.get("elbo")),
            *(
                in_words(made_by.get(kind, {}).get("content", {}).get("accuracy"), 2)
                for kind in ("samples", "prior_samples")
            ),
        )
    return terminal_table


def evidence_table(result: dict[str, Any]) -> Html:
    """HTML table of reconstruction errors, likelihood bounds and active latents by model."""
    found = result["diagnosis"]
    rows = [
        [model_name(name), *_measures(found, name), _active(found[name])]
        for name in sort_models(found)
    ]
    rows += [
        [" minus ".join(style_of(n).label for n in pair.split(" - ")), *_differences(by_name), DASH]
        for pair, by_name in result.get("metrics", {}).get("differences", {}).items()
    ]
    head = ["", *(head for head, _, _ in _MEASURES.values()), "active latents"]
    stds = sorted({f["likelihood_scale"] for f in found.values() if "likelihood_scale" in f})
    samples = result.get("config", {}).get("samples", "several")
    caption = (
        f"Means over {_doors(found)} with 95 % intervals; per pixel means per pixel and color. The "
        "bounds are on log-likelihoods under a Gaussian around the decoded image (standard "
        f"deviation {', '.join(f'{std:.3g}' for std in stds) or DASH}). The importance-weighted "
        f"bound uses {samples} samples, which close less of the gap for sets of frames "
        "(statistician) than for single frames (VAE). A latent is active if its posterior mean "
        "varies with the data (variance above 0.01)."
    )
    return table(head, rows, caption, stack_seeds=True)


def likeness_table(result: dict[str, Any]) -> Html:
    """HTML table of two-sample scores of generated frames, below those of real frames."""
    rows = [["real frames of other doors", *_scores(result["reference"])]]
    for name in sort_models(result["diagnosis"]):
        made = result["diagnosis"][name].get("two_sample", {})
        rows += [
            [join(model_name(name), f": {words}"), *_scores(made[kind])]
            for kind, words in GENERATED.items()
            if kind in made
        ]
    head = ["", "accuracy by content", "MMD² of content", "accuracy by texture"]
    reference = result["reference"]
    classified, compared = (
        held_out_doors(reference[feature][score] for feature in ("content", "texture"))
        for score in ("accuracy", "mmd2")
    )
    caption = (
        "Comparison with real frames of held-out doors, in features of a network that was trained "
        "on training doors, without labels, to match frames of the same door. Accuracy: of a "
        f"classifier of real and generated frames on {classified} that it was not fitted on; 0.5 "
        f"means indistinguishable. MMD²: squared maximum mean discrepancy on {compared}; 0 means "
        "equal distributions. Content features identify the door; texture features also show blur. "
        f"{sampling_words(result)}"
    )
    return table([*head, "MMD² of texture"], rows, caption)


def _doors(found: Mapping[str, Mapping[str, Any]]) -> str:
    return held_out_doors(
        estimate for model in found.values() for estimate in _estimates(model) if estimate
    )


def _estimates(model: Mapping[str, Any]) -> list[Mapping[str, Any] | None]:
    return [model.get(measure) for measure in _MEASURES]


def _measures(found: dict[str, Any], name: str) -> list[Html]:
    cells = []
    for key, (_, digits, more_is_better) in _MEASURES.items():
        means = [f[key]["mean"] for f in found.values() if f.get(key)]
        estimate = found[name].get(key)
        best = (max if more_is_better else min)(means, default=None)
        bold = bool(estimate) and len(means) > 1 and estimate["mean"] == best
        cells.append(interval(estimate, digits, bold=bold))
    return cells


def _differences(by_name: dict[str, Any]) -> list[Html]:
    return [interval(by_name.get(key), digits) for key, (_, digits, _) in _MEASURES.items()]


def _active(found: dict[str, Any]) -> str:
    counts = found.get("active_units", {})
    parts = [
        f"{count} of {len(found['kl'][name])} {name.replace('_', ' ')}"
        for name, count in counts.items()
    ]
    return ", ".join(parts) or DASH


def _scores(by_feature: dict[str, Any]) -> list[Html]:
    return [
        interval(by_feature[feature][score], 3 if score == "mmd2" else 2)
        for feature in ("content", "texture")
        for score in ("accuracy", "mmd2")
    ]
