"""Sections of the report, with notes about missing or damaged results."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from doorlab.intervals import sample_size
from doorlab.plots.captions import CAPTIONS, INTRODUCTIONS, SECTIONS, fill
from doorlab.plots.style import focus_model, sort_models, style_of
from doorlab.report.page import (
    DASH,
    Html,
    element,
    enumeration,
    figure,
    join,
    note,
    section,
    table,
    video_row,
)
from doorlab.report.run_files import ModelRun, RunFiles
from doorlab.report.tables.attributes import attribute_tables
from doorlab.report.tables.diagnosis import evidence_table, likeness_table
from doorlab.report.tables.policies import error_table, policy_table
from doorlab.report.tables.probes import probe_tables
from doorlab.report.tables.provenance import provenance_tables, text_or_dash
from doorlab.report.tables.study import (
    claims_table,
    elsewhere_tables,
    label_table,
    size_of_study,
)
from doorlab.report.verdicts import verdict
from doorlab.run_layout import BANDIT_FILE, CLAIMS_FILE, REWARD_FILE

HEADING = "Opening held-out doors in a few interactions"
MAX_VIDEOS = 6  # maximum number of videos in the page, which embeds them


def heading(run: RunFiles) -> str:
    """Title of the page; for runs without a bandit or study, the folders of the runs."""
    if run.regret or run.study:
        return HEADING
    return ", ".join(str(folder) for folder in run.folders.runs)


def contents(found: Mapping[str, Html]) -> dict[str, str]:
    """Anchor -> heading of the given sections."""
    return {anchor: SECTIONS[anchor] for anchor in found}


def sections(run: RunFiles) -> dict[str, Html]:
    """Anchor -> section, for all sections with content, in the order of `SECTIONS`."""
    builders: dict[str, Callable[[RunFiles], list[Html]]] = {
        "doors": _doors,
        "representation": _representation,
        "reward": _reward,
        "bandit": _bandit,
        "study": _study,
        "making": _making,
    }
    found = {}
    for anchor, heading in SECTIONS.items():
        content = builders[anchor](run)
        if content:
            content = [
                element("p", INTRODUCTIONS[anchor]),
                *content,
                *_missing_figures(run, anchor),
            ]
            found[anchor] = section(anchor, heading, *content)
    return found


def _doors(run: RunFiles) -> list[Html]:
    data = run.dataset
    if not data:
        return [*_damage(run, "generate"), *_figures(run, "doors")]
    config, splits = data["config"], data.get("splits", {})
    counts = ", ".join(f"{number:,} {name}" for name, number in splits.items())
    kind, interactions = data.get("kind", "simulated"), config.get("interactions", 0)
    facts = (
        f"This run has {data.get('doors', 0):,} {kind} doors ({counts}), each with "
        f"{config.get('frames', '?')} frames of {config.get('image_size', '?')} pixels"
        f"{f' and {interactions} interactions' if interactions else ''}."
    )
    videos = _videos(run) if kind == "simulated" else []
    return [element("p", facts), *videos, *_figures(run, "doors")]


def _representation(run: RunFiles) -> list[Html]:
    damage = [n for part in ("probe", "diagnose", "represent") for n in _damage(run, part)]
    scores = probe_tables(run.probes) if run.probes else []
    found = []
    if run.diagnosis:
        found = [evidence_table(run.diagnosis), likeness_table(run.diagnosis)]
        found += attribute_tables(run.diagnosis)
    priors = [part for prior in run.represent.get("priors", {}) for part in _of_prior(run, prior)]
    return [*damage, *_figures(run, "representation"), *scores, *found, *priors]


def _of_prior(run: RunFiles, prior: str) -> list[Html]:
    """Results of `doorlab represent` for one prior."""
    found = run.represent["priors"][prior]
    size = f"{sample_size(found['doors']['test'], found['seeds'])}."
    content = [
        element("h3", f"Probes of all models on doors of the prior {prior}"),
        element("p", size),
    ]
    for name in ("probe_frames", "probe_doors"):
        if f"{prior} {name}" in run.figures:
            caption = CAPTIONS[name]
            content.append(figure(run.figures[f"{prior} {name}"], caption.heading, caption.text))
    return [*content, *probe_tables(found)]


def _reward(run: RunFiles) -> list[Html]:
    errors = error_table(run.plots)
    return [*_labels(run), *_figures(run, "reward"), *([errors] if errors else [])]


def _labels(run: RunFiles) -> list[Html]:
    """Sentence with the number of labeled doors of the headline model."""
    main = focus_model(model.name for model in run.models)
    for model in run.models:
        metrics = model.metrics.get("metrics", {})
        if model.name == main and {"labeled_doors", "frame_doors"} <= metrics.keys():
            labeled, total = metrics["labeled_doors"], metrics["frame_doors"]
            share = f"{labeled:,} of the" if labeled < total else "all"
            text = f"In this run, {share} {total:,} training doors are labeled with interactions."
            return [element("p", text)]
    return []


def _bandit(run: RunFiles) -> list[Html]:
    table = [policy_table(run.regret)] if run.regret else []
    return [*_damage(run, "bandit"), *_figures(run, "bandit"), *table]


def _study(run: RunFiles) -> list[Html]:
    if not run.study:
        return _damage(run, "study")
    opened = run.study[BANDIT_FILE]
    errors, regrets = run.study[REWARD_FILE]["models"], opened["policies"]
    claimed = run.study[CLAIMS_FILE]
    of = size_of_study(claimed)
    return [
        claims_table(claimed),
        *_figures(run, "study"),
        label_table(errors, "reward_mse_over_variance", "squared error / variance", of),
        label_table(regrets, "mean_regret", "mean regret", of),
        *elsewhere_tables(opened, claimed),
    ]


def _making(run: RunFiles) -> list[Html]:
    models = [_model_table(run.models)] if run.models else []
    figures = [*_damage(run, "plot"), *_figures(run, "making")]
    if not run.figures:
        figures.append(note("No figures: `doorlab plot` with the same --runs draws them."))
    settings = [element("h3", "Settings"), *_settings(run)]
    return [*provenance_tables(run), *models, *figures, *settings]


def _videos(run: RunFiles) -> list[Html]:
    if not run.videos:
        return [note("No videos: `doorlab generate --videos` creates them.")]
    videos = [(path.read_bytes(), f"Video of {path.stem}") for path in run.videos[:MAX_VIDEOS]]
    caption = "Each door opens and closes once. Then the gripper executes the oracle's action."
    return [video_row(videos, caption)]


def _figures(run: RunFiles, anchor: str) -> list[Html]:
    """The figures of a section, each with heading, caption and verdict."""
    content = []
    for name, caption in CAPTIONS.items():
        if caption.section == anchor and name in run.figures:
            words = run.plots.get("words", {}).get(name, {})
            heading, text = fill(caption.heading, words), fill(caption.text, words)
            found = verdict(name, run)
            below = join(text, " ", element("strong", found)) if found else text
            image = figure(run.figures[name], f"{heading}. {text}", below)
            content += [element("h3", heading), image]
    return content


def _missing_figures(run: RunFiles, anchor: str) -> list[Html]:
    """Notes on missing figures of a section, one per reason.

    Figures of stages that were not run get no note.
    """
    reasons: dict[str, list[str]] = {}
    skipped: dict[str, str] = run.plots.get("skipped", {})
    for name, caption in CAPTIONS.items():
        if caption.section != anchor or name in run.figures or name in run.plots.get("not_run", {}):
            continue
        reason = run.damaged.get(f"figure {name}", skipped.get(name))
        if reason and not caption.optional:
            reasons.setdefault(reason, []).append(f"“{name.replace('_', ' ')}”")
    return [note(f"No figure {enumeration(names)}: {text}.") for text, names in reasons.items()]


def _damage(run: RunFiles, part: str) -> list[Html]:
    return [note(run.damaged[part])] if part in run.damaged else []


def _model_table(models: tuple[ModelRun, ...]) -> Html:
    by_name = {model.name: model for model in models}
    rows = []
    for name in sort_models(by_name):
        model = by_name[name]
        metrics = {**model.metrics, **model.metrics.get("metrics", {})}
        rows.append(
            [
                style_of(name).label,
                model.stage,
                text_or_dash(model.model.get("seed")),
                _count(metrics.get("parameters", model.model.get("parameters"))),
                _count(metrics.get("steps", metrics.get("step"))),
                _seconds(metrics.get("seconds")),
            ]
        )
    return table(["model", "stage", "seed", "parameters", "steps", "seconds"], rows)


def _settings(run: RunFiles) -> list[Html]:
    configs = {
        "generate": run.dataset.get("config"),
        **{
            f"{run.stage} {run.name}": run.model | {"training": run.metrics.get("config")}
            for run in run.models
        },
        "probe": run.probes.get("config"),
        "diagnose": run.diagnosis.get("config"),
        "bandit": run.regret.get("config"),
        "plot": run.plots.get("config"),
    }
    return [
        element(
            "details",
            element("summary", name),
            element("pre", json.dumps(config, indent=2, sort_keys=True, default=str)),
        )
        for name, config in configs.items()
        if config
    ]


def _count(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else DASH


def _seconds(value: Any) -> str:
    return f"{value:,.0f}" if isinstance(value, int | float) else DASH
