"""The sections of the report. Each takes what the run has, and says what it lacks."""

from __future__ import annotations

import json
from typing import Any

from doorlab.report.captions import CAPTIONS, INTRODUCTIONS, SECTIONS, STUDY, fill
from doorlab.report.diagnosis import evidence_table, likeness_table
from doorlab.report.html import DASH, Html, element, films, note, picture, section, table
from doorlab.report.probe_results import probe_tables
from doorlab.report.run_files import ModelRun, RunFiles, study_folder
from doorlab.report.study import (
    BANDIT_FILE,
    CLAIMS_FILE,
    FIGURES,
    REWARD_FILE,
    claims_table,
    elsewhere_tables,
    label_table,
)
from doorlab.report.style import HEADLINE, in_order, style_of
from doorlab.report.tables import error_table, policy_table

FILMS = 6  # the page carries no more


def sections(run: RunFiles) -> list[Html]:
    """All of them, in the order of `headings`."""
    contents = {
        "doors": _doors(run),
        "representation": _representation(run),
        "reward": _reward(run),
        "bandit": _bandit(run),
        "study": _study(run),
        "making": _making(run),
    }
    return [
        section(name, heading, element("p", INTRODUCTIONS[name]), *contents[name])
        for name, heading in headings(run).items()
    ]


def headings(run: RunFiles) -> dict[str, str]:
    """Anchor -> heading of every section: SECTIONS, and STUDY for a run that has one."""
    return {**SECTIONS, **STUDY} if run.study else SECTIONS


def _doors(run: RunFiles) -> list[Html]:
    data = run.dataset
    if not data:
        return [note(run.missing["generate"]), *_figures(run, "doors")]
    config, splits = data.get("config", {}), data.get("splits", {})
    counts = ", ".join(f"{number:,} {name}" for name, number in splits.items())
    kind, interactions = data.get("kind", "simulated"), config.get("interactions", 0)
    facts = (
        f"This run has {data.get('doors', 0):,} {kind} doors ({counts}), each with "
        f"{config.get('frames', '?')} frames of {config.get('image_size', '?')} pixels"
        f"{f' and {interactions} interactions' if interactions else ''}."
    )
    films = _films(run) if kind == "simulated" else []
    return [element("p", facts), *films, *_figures(run, "doors")]


def _representation(run: RunFiles) -> list[Html]:
    missing = [note(run.missing[part]) for part in ("probe", "diagnose") if part in run.missing]
    scores = probe_tables(run.probes) if run.probes else []
    found = [evidence_table(run.diagnosis), likeness_table(run.diagnosis)] if run.diagnosis else []
    return [*missing, *_figures(run, "representation"), *scores, *found]


def _reward(run: RunFiles) -> list[Html]:
    errors = error_table(run.plots)
    return [*_labels(run), *_figures(run, "reward"), *([errors] if errors else [])]


def _labels(run: RunFiles) -> list[Html]:
    """How many doors the headline model had labels for."""
    for model in run.models:
        figures = model.metrics.get("figures", {})
        if model.name == HEADLINE and "labelled_doors" in figures:
            labelled, seen = figures["labelled_doors"], figures["frame_doors"]
            share = f"{labelled:,} of the" if labelled < seen else "all"
            text = f"Here {share} {seen:,} training doors are labelled with interactions."
            return [element("p", text)]
    return []


def _bandit(run: RunFiles) -> list[Html]:
    if "bandit" in run.missing:
        return [note(run.missing["bandit"])]
    return [*_figures(run, "bandit"), policy_table(run.regret)]


def _study(run: RunFiles) -> list[Html]:
    if not run.study:
        return []
    content, folder = [claims_table(run.study[CLAIMS_FILE])], study_folder(run.path)
    for name, (heading, text) in FIGURES.items():
        file = folder / f"{name}.png"
        if file.is_file():
            image = picture(file.read_bytes(), f"{heading}. {text}", text)
            content += [element("h3", heading), image]
    opened = run.study[BANDIT_FILE]
    errors, regrets = run.study[REWARD_FILE]["models"], opened["policies"]
    return [
        *content,
        label_table(errors, "reward_mse_over_variance", "squared error / variance"),
        label_table(regrets, "mean_regret", "mean regret"),
        *elsewhere_tables(opened),
    ]


def _making(run: RunFiles) -> list[Html]:
    if run.models:
        models = _model_table(run.models)
    else:
        models = note("No trained models: `doorlab pretrain` and `doorlab train` make them.")
    settings = [element("h3", "Every setting"), *_settings(run)]
    return [_provenance(run), models, *_figures(run, "making"), *settings]


def _films(run: RunFiles) -> list[Html]:
    if not run.videos:
        return [note("No films: `doorlab generate --videos` makes them.")]
    shown = [(path.read_bytes(), f"Film of {path.stem}") for path in run.videos[:FILMS]]
    caption = "Each door swings open and shut once, then is opened by a hand that knows how."
    return [films(shown, caption)]


def _figures(run: RunFiles, anchor: str) -> list[Html]:
    """The pictures of a section, each under its heading; a note for each that is missing."""
    content, notes = [], []
    for name, caption in CAPTIONS.items():
        if caption.section != anchor:
            continue
        if name not in run.pictures:
            if caption.optional:
                continue
            reason = run.plots.get("skipped", {}).get(name, "`doorlab plot` draws it")
            notes.append(note(f"No figure “{name.replace('_', ' ')}”: {reason}."))
            continue
        words = run.plots.get("words", {}).get(name, {})
        heading, text = fill(caption.heading, words), fill(caption.text, words)
        image = picture(run.pictures[name].read_bytes(), f"{heading}. {text}", text)
        content += [element("h3", heading), image]
    return content + notes


def _provenance(run: RunFiles) -> Html:
    results = {
        "generate": run.dataset,
        "probe": run.probes,
        "diagnose": run.diagnosis,
        "bandit": run.regret,
        "plot": run.plots,
    }
    seconds = run.timing.get("seconds", {})
    rows = []
    for stage, result in results.items():
        if not result:
            continue
        checksum = result.get("checksum") or result.get("dataset_checksum") or DASH
        rows.append(
            [
                f"doorlab {stage}",
                _text(result.get("seed", result.get("config", {}).get("seed"))),
                _text(result.get("doorlab_version")),
                element("code", str(checksum).removeprefix("blake2b:")[:16]),
                _seconds(seconds.get(stage)),
            ]
        )
    head = ["stage", "seed", "doorlab", "dataset checksum", "seconds"]
    return table(head, rows, "The same seed gives the same dataset, byte for byte.")


def _model_table(models: tuple[ModelRun, ...]) -> Html:
    by_name = {model.name: model for model in models}
    rows = []
    for name in in_order(by_name):
        model = by_name[name]
        figures = {**model.metrics, **model.metrics.get("figures", {})}
        rows.append(
            [
                style_of(name).label,
                model.stage,
                _text(model.model.get("seed")),
                _count(figures.get("parameters", model.model.get("parameters"))),
                _count(figures.get("steps", figures.get("step"))),
                _seconds(figures.get("seconds")),
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


def _text(value: Any) -> str:
    return DASH if value is None else str(value)


def _count(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else DASH


def _seconds(value: Any) -> str:
    return f"{value:,.0f}" if isinstance(value, int | float) else DASH
