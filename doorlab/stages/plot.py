"""Plot the results of runs: each figure as a PNG file, with its data as an NPZ file.

`doorlab plot` draws all figures; `doorlab plot latents samples` draws the named ones. Figures:
gallery, reconstructions, new_frames, samples, interpolations, traversals, embedding, correlations,
probes, probe_frames, probe_doors, landscape, calibration, adaptation, opened, regret, study_labels,
study_adaptation, study_regret, training. Groups of figures: latents (embedding, correlations,
traversals), images (reconstructions, new_frames, samples, interpolations).

    doorlab plot --runs runs/demo
    doorlab plot regret opened --runs runs/bandit

--runs accepts runs of pretrain, train, probe, bandit, study and demo, datasets, and folders that
contain them. All figures show held-out doors, which no model was trained on. The doors come from
the dataset inside a run folder, or from the dataset that the run was made with. A figure whose
inputs are missing is skipped; the reason is printed and written to plot.json.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn

from tyro.conf import Positional

from doorlab.data.dataset import DoorDataset
from doorlab.errors import CheckpointError, DatasetError, DoorlabError, ResultError, unknown_name
from doorlab.limits import PositiveInt, Seed, Threads, check_limits
from doorlab.models.hub.locate import expand_models
from doorlab.options import Option
from doorlab.plots import frames, latents, results, rewards
from doorlab.plots.context import MissingInput, NotRun, Plot, PlotContext
from doorlab.plots.style import save_png
from doorlab.report.page import enumeration
from doorlab.result_schemas import read_part
from doorlab.results import result_folder, write_result
from doorlab.run_layout import PLOT_FILE, RunFolders
from doorlab.runtime.devices import resolve_device, set_num_threads
from doorlab.runtime.torch_state import process_defaults
from doorlab.storage.files import atomic_write_arrays
from doorlab.terminal.progress import counted, track
from doorlab.terminal.text import print_line
from doorlab.training.config import DEVICES

FIGURES: dict[str, Callable[[PlotContext], Plot]] = {
    "gallery": frames.gallery,
    "reconstructions": frames.reconstructions,
    "new_frames": frames.new_frames,
    "samples": frames.samples,
    "interpolations": latents.interpolations,
    "traversals": latents.traversals,
    "embedding": latents.embedding,
    "correlations": latents.correlation,
    "probes": results.probes,
    "probe_frames": results.probe_frames,
    "probe_doors": results.probe_doors,
    "landscape": rewards.landscape,
    "calibration": rewards.calibration,
    "adaptation": rewards.adaptation,
    "opened": results.opened,
    "regret": results.regret,
    "study_labels": results.study_labels,
    "study_adaptation": results.study_adaptation,
    "study_regret": results.study_regret,
    "training": results.training,
}

# Names of groups of figures.
GROUPS: dict[str, tuple[str, ...]] = {
    "latents": ("embedding", "correlations", "traversals"),
    "images": ("reconstructions", "new_frames", "samples", "interpolations"),
}


@dataclass(frozen=True)
class Config:
    """Runs and figures to draw."""

    figures: Positional[tuple[str, ...]] = ()
    """Names of the figures or groups of figures to draw; if empty, all figures."""
    runs: Annotated[tuple[Path, ...], Option(aliases=("--run",))] = (Path("runs/demo"),)
    """Folders of runs and datasets."""
    models: tuple[Path, ...] = ()
    """Further models: run folders, folders of `doorlab export`, and names of shipped weights. They
    replace models of the same kind in the runs."""
    data: Path | None = None
    """Folder or URL of the dataset. Default: the dataset inside a run folder, or the dataset that a
    run was made with."""
    out: Path | None = None
    """Folder of the figures. Default: `plot` in the run folder, next to a dataset, or in the common
    parent folder of several runs."""
    doors: PositiveInt = 200
    """Maximum number of held-out doors for embedding maps, prediction errors and calibration."""
    seed: Seed = 0
    """Seed of the samples drawn from the models."""
    device: Annotated[str, Option(DEVICES)] = "auto"
    """Device of the models: cpu, cuda, or auto for the best available device."""
    threads: Threads = 1
    """Torch threads; 0 keeps the default of torch."""
    overwrite: bool = False
    """Replace existing figures in --out."""

    def __post_init__(self) -> None:
        check_limits(self)


@process_defaults()
def run(config: Config) -> Path:
    """Draws the figures and prints their folder; returns the path of plot.json.

    Raises:
        ConfigError: if a figure is unknown, two results belong to one stage, or --out is required.
        ResultError: if there is nothing to draw, figures exist already, or another process draws
            them.
        CheckpointError, DatasetError: if no figure can be drawn because the runs or the dataset
            can't be read.
    """
    names = chosen_figures(config.figures)
    folders = RunFolders.find(config.runs)
    path = (config.out or folders.output("plot")) / PLOT_FILE
    files = [path.parent / f"{name}.{ending}" for name in names for ending in ("png", "npz")]
    with result_folder(path, *files, overwrite=config.overwrite):
        _plot(config, folders, path, names)
    return path


def _plot(config: Config, folders: RunFolders, path: Path, names: tuple[str, ...]) -> None:
    set_num_threads(config.threads)
    if config.data is not None:
        DoorDataset.open(config.data)  # raises for an unreadable dataset before anything is drawn
    sources = PlotContext(
        folders,
        config.data,
        max_doors=config.doors,
        seed=config.seed,
        device=resolve_device(config.device),
        models=expand_models(config.models),
    )
    plots, skipped = _draw(sources, names, path.parent)
    if not plots:
        _refuse(config.runs, skipped)
    for name in skipped:  # remove files of an earlier call that could draw these figures
        for ending in ("png", "npz"):
            (path.parent / f"{name}.{ending}").unlink(missing_ok=True)
    _write(path, config, sources, plots, skipped)
    _report(path.parent, plots, skipped, config.figures)


def chosen_figures(names: tuple[str, ...]) -> tuple[str, ...]:
    """Expands names of figures and groups to names of figures; no names mean all figures.

    Raises ConfigError if a name is neither a figure nor a group.
    """
    for name in names:
        if name not in FIGURES and name not in GROUPS:
            raise unknown_name("figure", name, {**FIGURES, **GROUPS})
    chosen = {figure for name in names for figure in GROUPS.get(name, (name,))}
    return tuple(figure for figure in FIGURES if figure in chosen or not names)


def _draw(
    sources: PlotContext, names: tuple[str, ...], out: Path
) -> tuple[dict[str, Plot], dict[str, Exception]]:
    """Draws and saves figures; returns the plots, and the reasons of the skipped figures."""
    plots: dict[str, Plot] = {}
    skipped: dict[str, Exception] = {}
    for name in track(names, "plot", "figures considered"):
        try:
            plots[name] = FIGURES[name](sources)
        except (MissingInput, ResultError, DatasetError, CheckpointError) as reason:
            skipped[name] = reason
            continue
        save_png(plots[name].figure, out / f"{name}.png")
        atomic_write_arrays(out / f"{name}.npz", plots[name].arrays)
    return plots, skipped


def _refuse(runs: tuple[Path, ...], skipped: Mapping[str, Exception]) -> NoReturn:
    """Raises the error for a call in which no figure can be drawn."""
    for reason in skipped.values():
        if isinstance(reason, DoorlabError):
            raise reason
    asked = enumeration(list(skipped)) if len(skipped) < len(FIGURES) else "something"
    reasons = "; ".join(dict.fromkeys(map(str, skipped.values())))
    raise ResultError(
        f"{asked} to draw in {', '.join(map(str, runs))}", f"nothing, as {reasons}",
        "name other runs with --runs",
    )  # fmt: skip


def _write(
    path: Path,
    config: Config,
    sources: PlotContext,
    plots: Mapping[str, Plot],
    skipped: Mapping[str, Exception],
) -> None:
    """Writes plot.json; keeps the existing entries of figures that this call does not draw."""
    entries: dict[str, dict[str, Any]] = {
        "metrics": {name: plot.metrics for name, plot in plots.items() if plot.metrics},
        "words": {name: plot.words for name, plot in plots.items() if plot.words},
        "skipped": {n: str(r) for n, r in skipped.items() if not isinstance(r, NotRun)},
        "not_run": {n: str(r) for n, r in skipped.items() if isinstance(r, NotRun)},
    }
    earlier, requested = _or_nothing(path), {*plots, *skipped}
    for part, values in entries.items():
        kept = {n: value for n, value in earlier.get(part, {}).items() if n not in requested}
        entries[part] = kept | values
    metrics = entries.pop("metrics")
    write_result(path, "plot", config, metrics, sources.checksum, sources.simulator, **entries)


def _or_nothing(path: Path) -> dict[str, Any]:
    """The content of an existing plot.json; empty if it is missing or damaged."""
    try:
        return read_part(path)
    except ResultError:
        return {}


def _report(
    folder: Path, plots: Collection[str], skipped: Mapping[str, Exception], named: Collection[str]
) -> None:
    """Prints the folder of the figures, and the reasons of the skipped figures.

    Figures of stages that were not run are only counted, unless the user named figures.
    """
    reasons: dict[str, list[str]] = {}
    for name, reason in skipped.items():
        if named or not isinstance(reason, NotRun):
            reasons.setdefault(str(reason), []).append(name)
    for reason, names in reasons.items():
        print_line(f"not drawn: {', '.join(names)} ({reason})")
    unlisted = len(skipped) - sum(map(len, reasons.values()))
    if unlisted:
        print_line(f"not drawn: {unlisted} figures of stages that were not run (see plot.json)")
    print_line(f"{counted(len(plots), 'figures')} in {folder}")
