"""Draw what a run has learned: each figure as PNG, with the arrays behind it as NPZ.

`doorlab plot` draws everything, `doorlab plot latents samples` what is named. Figures: gallery,
reconstructions, new_frames, samples, interpolations, traversals, embedding, correlations, probes,
probe_frames, probe_doors, landscape, calibration, adaptation, opened, regret, training. Groups of
them: latents (embedding, correlations, traversals), pictures (reconstructions, new_frames, samples,
interpolations).

All of them show doors that no model was trained on. A figure whose ingredients the run lacks is
left out, and plot.json says why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from doorlab.errors import unknown_name
from doorlab.files import atomic_write_arrays, read_json
from doorlab.limits import PositiveInt, Seed, Threads, check_limits
from doorlab.progress import track
from doorlab.report.run_files import require_run
from doorlab.report.style import save_png
from doorlab.results import result_folder, write_result
from doorlab.stages import plot_latents, plot_pictures, plot_results, plot_rewards
from doorlab.stages.plot_sources import Drawing, Missing, Sources
from doorlab.torch_state import process_defaults
from doorlab.training import resolve_device, use_threads

FIGURES: dict[str, Callable[[Sources], Drawing]] = {
    "gallery": plot_pictures.gallery,
    "reconstructions": plot_pictures.reconstructions,
    "new_frames": plot_pictures.new_frames,
    "samples": plot_pictures.samples,
    "interpolations": plot_latents.interpolations,
    "traversals": plot_latents.traversals,
    "embedding": plot_latents.embedding,
    "correlations": plot_latents.correlation,
    "probes": plot_results.probes,
    "probe_frames": plot_results.probe_frames,
    "probe_doors": plot_results.probe_doors,
    "landscape": plot_rewards.landscape,
    "calibration": plot_rewards.calibration,
    "adaptation": plot_rewards.adaptation,
    "opened": plot_results.opened,
    "regret": plot_results.regret,
    "training": plot_results.training,
}

# Names that stand for several figures.
GROUPS: dict[str, tuple[str, ...]] = {
    "latents": ("embedding", "correlations", "traversals"),
    "pictures": ("reconstructions", "new_frames", "samples", "interpolations"),
}


@dataclass(frozen=True)
class Config:
    """Which run, and which figures of it."""

    figures: Positional[tuple[str, ...]] = ()
    """Names of the figures, or groups of figures, to draw; all of them when none is given."""
    run: Path = Path("runs/demo")
    """Folder of the run, laid out as `doorlab demo` does."""
    data: Path | None = None
    """Dataset; RUN/dataset when not given."""
    out: Path | None = None
    """Folder of the figures; RUN/plot when not given."""
    doors: PositiveInt = 200
    """Held-out doors that maps, errors and calibration are made from, at most."""
    seed: Seed = 0
    """Seed of what is sampled from models."""
    device: str = "auto"
    """Where the models run: cpu, cuda, or auto for the best there is."""
    threads: Threads = 1
    """Threads of torch; 0 leaves its own choice."""
    overwrite: bool = False
    """Replace earlier figures."""

    def __post_init__(self) -> None:
        check_limits(self)


@process_defaults()
def run(config: Config) -> Path:
    """Draws the figures; returns the path of plot.json.

    Raises:
        ConfigError: for a figure that is not known.
        ResultError: when there is no such run, or its figures are there already, or another process
            draws them.
        CheckpointError, DatasetError: for what is there but can't be read.
    """
    path = (config.out or config.run / "plot") / "plot.json"
    names = chosen_figures(config.figures)
    require_run(config.run)
    files = [path.parent / f"{name}.{ending}" for name in names for ending in ("png", "npz")]
    with result_folder(path, *files, overwrite=config.overwrite):
        _plot(config, path, names)
    return path


def _plot(config: Config, path: Path, names: tuple[str, ...]) -> None:
    use_threads(config.threads)
    sources = Sources(
        config.run,
        config.data or config.run / "dataset",
        max_doors=config.doors,
        seed=config.seed,
        device=resolve_device(config.device),
    )
    drawn, skipped = _draw(sources, names, path.parent)
    earlier = read_json(path) if path.exists() else {}
    kept = {
        part: {name: value for name, value in earlier.get(part, {}).items() if name not in names}
        for part in ("figures", "words", "skipped")
    }
    write_result(
        path,
        "plot",
        config,
        kept["figures"] | {name: d.figures for name, d in drawn.items() if d.figures},
        sources.checksum,
        words=kept["words"] | {name: d.words for name, d in drawn.items() if d.words},
        skipped=kept["skipped"] | skipped,
    )


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
    sources: Sources, names: tuple[str, ...], out: Path
) -> tuple[dict[str, Drawing], dict[str, str]]:
    """Draws and saves; returns what was drawn, and why the rest was not."""
    drawn: dict[str, Drawing] = {}
    skipped: dict[str, str] = {}
    for name in track(names, "figures"):
        try:
            drawn[name] = FIGURES[name](sources)
        except Missing as reason:
            skipped[name] = str(reason)
            for ending in ("png", "npz"):  # of an earlier run, which had what this one lacks
                (out / f"{name}.{ending}").unlink(missing_ok=True)
            continue
        save_png(drawn[name].figure, out / f"{name}.png")
        atomic_write_arrays(out / f"{name}.npz", drawn[name].arrays)
    return drawn, skipped
