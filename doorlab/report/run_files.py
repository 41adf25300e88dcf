"""Reads the result files of runs for the report.

A missing file is not an error. For a damaged file, the report contains a note with the command that
creates the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from doorlab.errors import ResultError
from doorlab.plots.captions import CAPTIONS
from doorlab.report.page import is_png
from doorlab.result_schemas import read_part
from doorlab.run_layout import (
    DATASET_FILE,
    METRICS_FILE,
    MODEL_FILE,
    MODEL_FOLDERS,
    PLOT_FILE,
    RESULTS,
    STUDY_FILES,
    RunFolders,
)
from doorlab.storage.text_paths import as_text


@dataclass(frozen=True)
class ModelRun:
    """Contents of the files of a trained model; an empty dict for a missing or damaged file."""

    name: str
    stage: str
    path: Path
    model: dict[str, Any]
    metrics: dict[str, Any]


@dataclass(frozen=True)
class RunFiles:
    """Contents of one run or several. Every result is a dict, empty if the result is missing.

    Attributes:
        folders: folders of the runs and their parts.
        figures: name of a figure in `plots.captions` -> PNG. The names of figures of
            `doorlab represent` start with the name of the prior and a space.
        study: name of a result file of `doorlab study` -> its content; empty without a study.
        damaged: name of a damaged part ("bandit") -> one sentence on the damage and its repair.
    """

    folders: RunFolders
    dataset: dict[str, Any]
    videos: tuple[Path, ...]
    models: tuple[ModelRun, ...]
    probes: dict[str, Any]
    diagnosis: dict[str, Any]
    regret: dict[str, Any]
    represent: dict[str, Any]
    plots: dict[str, Any]
    timing: dict[str, Any]
    figures: dict[str, bytes]
    study: dict[str, Any] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def read(runs: Sequence[Path]) -> RunFiles:
        """Reads all files that the report can use.

        Args:
            runs: folders of runs and datasets.

        Raises ResultError and ConfigError in the same cases as `RunFolders.find`.
        """
        folders = RunFolders.find(runs)
        damaged: dict[str, str] = {}
        dataset = folders.dataset()
        of_stages = {
            stage: _read(file, stage, damaged)
            for stage, file in (
                ("generate", dataset / DATASET_FILE if dataset else None),
                *((stage, folders.result(stage)) for stage in RESULTS if stage != "study"),
            )
        }
        return RunFiles(
            folders=folders,
            dataset=of_stages["generate"],
            videos=_video_files(dataset / "videos") if dataset else (),
            models=tuple(map(_model, folders.models)),
            probes=of_stages["probe"],
            diagnosis=of_stages["diagnose"],
            regret=of_stages["bandit"],
            represent=of_stages["represent"],
            plots=_plots(folders, damaged),
            timing=_or_empty(folders.timing) if folders.timing else {},
            figures=_figures(folders, damaged),
            study=_study(folders, damaged),
            damaged=damaged,
        )


def _read(file: Path | None, stage: str, damaged: dict[str, str]) -> dict[str, Any]:
    """Content of a result file; empty if it is missing, or damaged, which is added to `damaged`."""
    if file is None:
        return {}
    try:
        return read_part(file)
    except ResultError as error:
        damaged[stage] = _damage(file, error, stage)
        return {}


def _damage(file: Path, error: ResultError, stage: str) -> str:
    return f"{file} can't be read ({error.got}): `doorlab {stage}` creates it."


def _plots(folders: RunFolders, damaged: dict[str, str]) -> dict[str, Any]:
    """Merged contents of the files of `doorlab plot`; the first folder has precedence."""
    found: dict[str, Any] = {}
    for folder in reversed(folders.plots):
        try:
            content = read_part(folder / PLOT_FILE)
        except ResultError as error:
            damaged["plot"] = _damage(folder / PLOT_FILE, error, "plot")
            continue
        parts = ("metrics", "words", "skipped", "not_run")
        merged = {part: found.get(part, {}) | content.get(part, {}) for part in parts}
        found = content | merged
    return found


def _figures(folders: RunFolders, damaged: dict[str, str]) -> dict[str, bytes]:
    """Figure -> PNG; for figures in several folders, the first folder has precedence."""
    files: dict[str, Path] = {}
    for stage, name_of in (("study", _figure_of_study), ("represent", _figure_of_represent)):
        result = folders.result(stage)
        if result is not None:
            files |= {name_of(file.stem): file for file in _plain_files(result.parent, "png")}
    for folder in reversed(folders.plots):
        files |= {file.stem: file for file in _plain_files(folder, "png")}
    figures = {}
    for name, file in files.items():
        if name.split(" ")[-1] in CAPTIONS:
            content = file.read_bytes()
            if is_png(content):
                figures[name] = content
            else:
                damaged[f"figure {name}"] = f"{file} can't be read"
    return figures


def _figure_of_study(file: str) -> str:
    return f"study_{file}"


def _figure_of_represent(file: str) -> str:
    prior, _, axis = file.rpartition("_")
    return f"{prior} probe_{axis}"


def _study(folders: RunFolders, damaged: dict[str, str]) -> dict[str, Any]:
    file = folders.result("study")
    if file is None:
        return {}
    found = {name: _read(file.with_name(name), "study", damaged) for name in STUDY_FILES}
    return found if all(found.values()) else {}


def _model(folder: Path) -> ModelRun:
    model, metrics = (_or_empty(folder / name) for name in (MODEL_FILE, METRICS_FILE))
    stages = [metrics.get("stage"), folder.parent.name]
    stage = next((stage for stage in stages if stage in MODEL_FOLDERS), "train")
    return ModelRun(model.get("kind", as_text(folder.name)), stage, folder, model, metrics)


def _or_empty(file: Path) -> dict[str, Any]:
    try:
        return read_part(file)
    except ResultError:
        return {}


def _video_files(folder: Path) -> tuple[Path, ...]:
    """Videos of a dataset. The dataset may be a symbolic link, but not its folder of videos."""
    return () if folder.is_symlink() else tuple(_plain_files(folder, "mp4"))


def _plain_files(folder: Path, ending: str) -> list[Path]:
    """Files with an extension; no symbolic links, which may point outside of the run."""
    return sorted(f for f in folder.glob(f"*.{ending}") if f.is_file() and not f.is_symlink())
