"""Draw what runs have learned: each figure as PNG, with the arrays behind it as NPZ.

`doorlab plot` draws everything, `doorlab plot latents samples` what is named. Figures: gallery,
reconstructions, new_frames, samples, interpolations, traversals, embedding, correlations, probes,
probe_frames, probe_doors, landscape, calibration, adaptation, opened, regret, study_labels,
study_adaptation, study_regret, training. Groups of them: latents (embedding, correlations,
traversals), pictures (reconstructions, new_frames, samples, interpolations).

    doorlab plot --runs runs/demo
    doorlab plot regret opened --runs runs/bandit

Takes runs of pretrain, train, probe, bandit, study and demo, datasets, and folders with such in
them. All figures show doors that no model was trained on: those of the dataset that lies in a run,
or that the run was made with. Figures whose ingredients are not there are left out, with a reason
in the terminal and in plot.json.
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
from doorlab.options import Option
from doorlab.plots import frames, latents, results, rewards
from doorlab.plots.context import MissingInput, NotRun, Plot, PlotContext
from doorlab.plots.style import save_png
from doorlab.report.page import enumeration
from doorlab.result_schemas import read_part
from doorlab.results import result_folder, write_result
from doorlab.run_layout import RunFolders
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

# Names that stand for several figures.
GROUPS: dict[str, tuple[str, ...]] = {
    "latents": ("embedding", "correlations", "traversals"),
    "pictures": ("reconstructions", "new_frames", "samples", "interpolations"),
}


@dataclass(frozen=True)
class Config:
    """Which runs, and which figures of them."""

    figures: Positional[tuple[str, ...]] = ()
    """Names of the figures, or groups of figures, to draw; all of them when none is given."""
    runs: Annotated[tuple[Path, ...], Option(aliases=("--run",))] = (Path("runs/demo"),)
    """Folders of runs and datasets."""
    data: Path | None = None
    """Dataset; when not given, the one in a run, or that a run was made with."""
    out: Path | None = None
    """Folder of the figures; by default `plot` in the run, beside a dataset, or in the folder that
    several runs lie in."""
    doors: PositiveInt = 200
    """Held-out doors that maps, errors and calibration are made from, at most."""
    seed: Seed = 0
    """Seed of what is sampled from models."""
    device: Annotated[str, Option(DEVICES)] = "auto"
    """Where the models run: cpu, cuda, or auto for the best there is."""
    threads: Threads = 1
    """Threads of torch; 0 leaves its own choice."""
    overwrite: bool = False
    """Replace earlier figures."""

    def __post_init__(self) -> None:
        check_limits(self)


@process_defaults()
def run(config: Config) -> Path:
    """Draws the figures and prints where they are; returns the path of plot.json.

    Raises:
        ConfigError: for a figure that is not known, for two results of one stage, and when --out
            is needed.
        ResultError: when there is nothing to draw, figures are there already, or another process
            draws them.
        CheckpointError, DatasetError: when nothing can be drawn, as what there is can't be read.
    """
    names = chosen_figures(config.figures)
    folders = RunFolders.find(config.runs)
    path = (config.out or folders.output("plot")) / "plot.json"
    files = [path.parent / f"{name}.{ending}" for name in names for ending in ("png", "npz")]
    with result_folder(path, *files, overwrite=config.overwrite):
        _plot(config, folders, path, names)
    return path


def _plot(config: Config, folders: RunFolders, path: Path, names: tuple[str, ...]) -> None:
    set_num_threads(config.threads)
    if config.data is not None:
        DoorDataset.open(config.data)  # or say why not
    sources = PlotContext(
        folders,
        config.data,
        max_doors=config.doors,
        seed=config.seed,
        device=resolve_device(config.device),
    )
    drawn, skipped = _draw(sources, names, path.parent)
    if not drawn:
        _refuse(config.runs, skipped)
    for name in skipped:  # of an earlier run, which had what this one lacks
        for ending in ("png", "npz"):
            (path.parent / f"{name}.{ending}").unlink(missing_ok=True)
    _write(path, config, sources, drawn, skipped)
    _report(path.parent, drawn, skipped, config.figures)


def chosen_figures(names: tuple[str, ...]) -> tuple[str, ...]:
    """The figures that names of figures and of groups stand for; all when there are none.

    Raises ConfigError for a name that is neither.
    """
    for name in names:
        if name not in FIGURES and name not in GROUPS:
            raise unknown_name("figure", name, {**FIGURES, **GROUPS})
    chosen = {figure for name in names for figure in GROUPS.get(name, (name,))}
    return tuple(figure for figure in FIGURES if figure in chosen or not names)


def _draw(
    sources: PlotContext, names: tuple[str, ...], out: Path
) -> tuple[dict[str, Plot], dict[str, Exception]]:
    """Draws and saves; returns what was drawn, and why the rest was not."""
    drawn: dict[str, Plot] = {}
    skipped: dict[str, Exception] = {}
    for name in track(names, "plot", "figures considered"):
        try:
            drawn[name] = FIGURES[name](sources)
        except (MissingInput, ResultError, DatasetError, CheckpointError) as reason:
            skipped[name] = reason
            continue
        save_png(drawn[name].figure, out / f"{name}.png")
        atomic_write_arrays(out / f"{name}.npz", drawn[name].arrays)
    return drawn, skipped


def _refuse(runs: tuple[Path, ...], skipped: Mapping[str, Exception]) -> NoReturn:
    """Raises the error for figures none of which can be drawn."""
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
    drawn: Mapping[str, Plot],
    skipped: Mapping[str, Exception],
) -> None:
    """Writes plot.json; what it said of figures that were not asked for stays."""
    found: dict[str, dict[str, Any]] = {
        "figures": {name: drawing.figures for name, drawing in drawn.items() if drawing.figures},
        "words": {name: drawing.words for name, drawing in drawn.items() if drawing.words},
        "skipped": {n: str(r) for n, r in skipped.items() if not isinstance(r, NotRun)},
        "not_run": {n: str(r) for n, r in skipped.items() if isinstance(r, NotRun)},
    }
    earlier, asked = _or_nothing(path), {*drawn, *skipped}
    for part, values in found.items():
        kept = {n: value for n, value in earlier.get(part, {}).items() if n not in asked}
        found[part] = kept | values
    figures = found.pop("figures")
    write_result(path, "plot", config, figures, sources.checksum, sources.simulator, **found)


def _or_nothing(path: Path) -> dict[str, Any]:
    """An earlier plot.json; nothing where there is none, or a damaged one, which is replaced."""
    try:
        return read_part(path)
    except ResultError:
        return {}


def _report(
    folder: Path, drawn: Collection[str], skipped: Mapping[str, Exception], named: Collection[str]
) -> None:
    """Prints where the figures are, and in few lines why others are not.

    Of stages that were not run it says no more than how many figures need them, unless such a
    figure was named.
    """
    reasons: dict[str, list[str]] = {}
    for name, reason in skipped.items():
        if named or not isinstance(reason, NotRun):
            reasons.setdefault(str(reason), []).append(name)
    for reason, names in reasons.items():
        print_line(f"not drawn: {', '.join(names)} ({reason})")
    unsaid = len(skipped) - sum(map(len, reasons.values()))
    if unsaid:
        print_line(f"not drawn: {unsaid} figures of what was not run (plot.json says what)")
    print_line(f"{counted(len(drawn), 'figures')} in {folder}")
