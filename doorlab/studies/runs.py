"""What studies of many runs share: their doors, and that runs are done side by side."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar, runtime_checkable

from doorlab.data.config import Doors, FrameCount, HeldOutShare, ImageSize, split_of_doors
from doorlab.data.dataset import DoorDataset
from doorlab.data.schema import SPLITS
from doorlab.doors.priors import DEFAULT_PRIOR, get_prior, prior_label
from doorlab.errors import ConfigError, ResultError
from doorlab.limits import NonNegativeInt, PositiveFloat, Seed, check_limits
from doorlab.models.architecture import Architecture
from doorlab.options import Option
from doorlab.parallel.launchers import run_local
from doorlab.runtime.environment_variables import environment_variables
from doorlab.serialization import to_json
from doorlab.sim import SIMULATORS
from doorlab.stages import generate
from doorlab.storage.files import read_json
from doorlab.terminal.progress import track
from doorlab.training.config import DEVICES, differing

# Settings that say where things lie and how runs are started, not what is computed.
_NOT_COMPUTED = frozenset({"out", "data", "pretrained", "device", "workers", "overwrite"})


@dataclass(frozen=True)
class StudyConfig:
    """Which doors a study makes, and how its runs are done."""

    preset: str = "tiny"
    """Defaults for everything else: tiny (minutes), small (a day on 2 cores), full (GPU)."""
    out: Path = Path("runs/study")
    """Folder of the study; one that is there already is completed."""
    data_seed: Seed = 0
    """Seed of the doors of a dataset that is made here."""
    doors: Doors = 120
    """Number of its doors."""
    frames: FrameCount = 4
    """Frames per door."""
    image_size: ImageSize = 32
    """Height and width of its frames, pixels."""
    test_fraction: HeldOutShare = 0.25
    """Share of its doors that the final figures are about."""
    validation_fraction: HeldOutShare = 0.2
    """Share of its doors that weights, penalties and learning rates are chosen by."""
    simulator: Annotated[str, Option(tuple(SIMULATORS))] = "pybullet"
    """What makes the doors: pybullet, or torch, which needs no PyBullet and any Python. An import
    path MODULE:NAME is accepted, too."""
    learning_rates: tuple[PositiveFloat, ...] = (2e-3,)
    """Learning rates that every model may choose from, the first one for models without steps."""
    architecture: Architecture = field(default_factory=Architecture)
    """Sizes of the networks."""
    device: Annotated[str, Option(DEVICES)] = "auto"
    """Where to train and to ask models: cpu, cuda, or auto for the best there is."""
    workers: NonNegativeInt = 0
    """Runs side by side, one thread each; 0 for one per core."""
    overwrite: bool = False
    """Replace earlier summaries (never a finished run)."""

    def __post_init__(self) -> None:
        check_limits(self)


def doors_of(config: StudyConfig, prior: str, out: Path, **others: Any) -> DoorDataset:
    """Doors of a prior, made as a study wants them, or what is missing of them.

    Args:
        config: of the study.
        prior: that they are drawn from.
        out: the dataset's folder.
        others: of `generate.Config`: what the study does not say, or wants otherwise here.
    """
    return DoorDataset.open(generate.run(_wanted(config, prior, out, **others)))


def _wanted(config: StudyConfig, prior: str, out: Path, **others: Any) -> generate.Config:
    as_usual = generate.Config(
        seed=config.data_seed, doors=config.doors, prior=prior, frames=config.frames,
        image_size=config.image_size, simulator=config.simulator,
        test_fraction=config.test_fraction, validation_fraction=config.validation_fraction,
        videos=0, out=out, workers=config.workers, resume=True,
    )  # fmt: skip
    return replace(as_usual, **others)


def check_split(
    split: str, use: str, config: StudyConfig, dataset: DoorDataset | None = None, fix: str = ""
) -> None:
    """Raises ConfigError when a split has no doors.

    Args:
        split: test or validation.
        use: what its doors are there for, in words.
        config: of the study.
        dataset: to look at; None for the one that the study is going to make.
        fix: another way out than to have such doors, as an imperative.
    """
    if dataset is None:
        splits = split_of_doors(
            _wanted(config, DEFAULT_PRIOR, config.out)
        )  # the same with any prior
    else:
        splits = dataset.read("split")
    if SPLITS.index(split) not in splits:
        where = f"none in {dataset.path}" if dataset else "none"
        ways = " or ".join(filter(None, (f"generate some with --{split}-fraction", fix)))
        raise ConfigError(f"{split} doors to {use}", where, ways)


def is_finished(path: Path, config: StudyConfig, checksums: Sequence[str]) -> bool:
    """Whether there is the result of the same study, and is not to be replaced.

    Args:
        path: the result file that a study writes last.
        config: of the study, with whatever was completed in the result file's.
        checksums: of its datasets.

    Raises ResultError for the result of another study. One that is damaged is none.
    """
    if config.overwrite or not os.path.lexists(path):
        return False
    try:
        result = read_json(path)
        before, known = result["config"], _checksums_in(result)
    except (ResultError, LookupError, AttributeError):
        return False
    now = to_json(config)
    asked = [name for name in now if name not in _NOT_COMPUTED]
    changed = differing(*({name: of.get(name) for name in asked} for of in (before, now)))
    if not changed and not set(checksums) <= known:
        changed = ["the doors"]
    if changed:
        raise ResultError(
            f"no earlier result at {path}",
            f"one with other settings: {', '.join(changed)}",
            "choose another --out, or replace it with --overwrite",
        )
    return True


def _checksums_in(result: Mapping[str, Any]) -> set[str]:
    """Of all datasets that a result is about, also where it has parts by prior."""
    parts = [result, *result.get("priors", {}).values()]
    return {f"{part['dataset_checksum']}" for part in parts}


@runtime_checkable
class Named(Protocol):
    """A run: what to do, as plain values that any process can be sent."""

    @property
    def name(self) -> str:
        """Its own: its folder, below the study's."""
        ...


R = TypeVar("R", bound=Named)


def run_parallel(do: Callable[[R], object], runs: Sequence[R], workers: int, what: str) -> None:
    """Does runs side by side, in their order.

    Args:
        do: one of them, from nothing but files; it leaves alone what is finished, so that a study
            that was stopped goes on with the same command.
        runs: which.
        workers: processes; 0 for one per core, 1 for this one.
        what: is done in them, for the progress bar.
    """
    by_name = {run.name: run for run in runs}
    work = run_local(partial(_by_name, do, by_name), list(by_name), workers)
    for _ in track(work, what, "runs", len(by_name)):
        pass


def _by_name(do: Callable[[R], object], runs: dict[str, R], name: str) -> str:
    do(runs[name])
    return name


@contextlib.contextmanager
def single_threaded() -> Iterator[None]:
    """Worker processes that start inside of this compute with one thread each."""
    with environment_variables(OMP_NUM_THREADS="1"):
        yield


def check_priors(names: Sequence[str]) -> None:
    """Raises ConfigError for priors that cannot be resolved, or whose results have one name."""
    labels = [prior_label(name) for name in names]
    for name in names:
        get_prior(name)
    if len(set(labels)) < len(labels):
        raise ConfigError(
            "priors with a name each in results", ", ".join(labels), "rename a file or object"
        )


def check_choices(config: Any, *names: str) -> None:
    """Raises ConfigError for settings that name nothing, or something twice."""
    for name in names:
        values = getattr(config, name)
        if not values or len(set(values)) < len(values):
            option = "--" + name.replace("_", "-")
            raise ConfigError(f"{option} without repeats", f"{values}", "name each once")
