"""Write one offline HTML page to explore a run: latents, predicted rewards, steps of policies.

    doorlab explore --run runs/demo
    doorlab explore --run runs/demo --out page.html

The page decodes images from latents while you drag them, and predicts rewards while you record
interactions. It contains the weights of a statistician and of a reward model, and computes both in
the browser: it needs no network, no server and no other file. The true rewards on the page come
from the simulator of the dataset.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from doorlab.explorer.contents import Inputs, contents, weights
from doorlab.explorer.page import MAX_BYTES, check_size, page
from doorlab.explorer.weights import LARGE
from doorlab.limits import PositiveInt, Threads, check_limits
from doorlab.models.hub.locate import expand_models
from doorlab.options import Option
from doorlab.plots.context import PlotContext
from doorlab.results import result_folder
from doorlab.run_layout import EXPLORER_FILE, RunFolders
from doorlab.runtime.devices import set_num_threads
from doorlab.runtime.torch_state import process_defaults
from doorlab.storage.files import atomic_write_text
from doorlab.terminal.text import print_line

_MAX_TEST_DOORS = 200  # the doors of the page are chosen among these


@dataclass(frozen=True)
class Config:
    """Run to explore, and output file."""

    runs: Annotated[tuple[Path, ...], Option(aliases=("--run",))] = (Path("runs/demo"),)
    """Folders of the run: with a simulated dataset, a statistician and a reward model, and
    optionally the rollouts of `doorlab bandit`."""
    models: tuple[Path, ...] = ()
    """Further models: run folders, folders of `doorlab export`, and names of shipped weights. They
    replace models of the same kind in the runs."""
    out: Path | None = None
    """File of the page. Default: `report/explore.html` in the run folder, or in the common parent
    folder of several runs."""
    doors: PositiveInt = 12
    """Maximum number of held-out doors in the page."""
    threads: Threads = 1
    """Torch threads; 0 keeps the default of torch."""
    overwrite: bool = False
    """Replace an existing page."""

    def __post_init__(self) -> None:
        check_limits(self)


@process_defaults()
def run(config: Config) -> Path:
    """Writes the page and prints its path; returns the path.

    Raises:
        ResultError: if the run lacks a dataset or a model, the page exists already or is larger
            than 8 MB, or another process writes it.
        CheckpointError, DatasetError: if a model or the dataset can't be read or shown.
        SimulatorError: if the simulator of the dataset cannot run here.
    """
    folders = RunFolders.find(config.runs)
    path = config.out or folders.output("report") / EXPLORER_FILE
    with result_folder(path, overwrite=config.overwrite):
        set_num_threads(config.threads)
        models = expand_models(config.models)
        sources = PlotContext(
            folders, None, max_doors=_MAX_TEST_DOORS, seed=0, device="cpu", models=models
        )
        inputs = Inputs.read(sources, config.doors)
        weights(inputs)  # raises for models that the page can't compute, before the simulation
        document = contents(sources, inputs)
        text = page(document | weights(inputs, LARGE))
        if len(text.encode()) > MAX_BYTES:  # half the precision, which pixels do not show
            text = page(document | weights(inputs, 0))
        atomic_write_text(path, check_size(text))
    print_line(f"{path}")
    return path
