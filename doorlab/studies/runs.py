"""Shared parts of studies with many runs: config, datasets, parallel execution and checks."""

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
from doorlab.limits import NonNegativeInt, PositiveFloat, Seed, WorkerGpus, check_limits
from doorlab.models.architecture import Architecture
from doorlab.options import Option
from doorlab.parallel.launchers import check_workers, get_launcher, run_items
from doorlab.runtime.devices import reserved_gpus, resolve_device
from doorlab.runtime.environment_variables import environment_variables
from doorlab.serialization import to_json
from doorlab.sim import AUTO, SIMULATORS
from doorlab.stages import generate
from doorlab.storage.files import read_json
from doorlab.terminal.progress import track
from doorlab.training.config import DEVICES, differing

# Settings that do not affect results: paths, devices and processes.
_NOT_COMPUTED = frozenset(
    {"out", "data", "pretrained", "device", "workers", "launcher", "worker_gpus", "overwrite"}
)


@dataclass(frozen=True)
class StudyConfig:
    """Datasets, training and execution of a study."""

    preset: str = "tiny"
    """Defaults of the other options: tiny (minutes), small (a day on 2 cores), full (GPU)."""
    out: Path = Path("runs/study")
    """Folder of the study; an existing study is completed."""
    data_seed: Seed = 0
    """Seed of the doors of generated datasets."""
    doors: Doors = 120
    """Number of doors of a generated dataset."""
    frames: FrameCount = 4
    """Frames per door of a generated dataset."""
    image_size: ImageSize = 32
    """Height and width of the frames of a generated dataset, pixels."""
    test_fraction: HeldOutShare = 0.25
    """Share of the doors of a generated dataset in the test set, which the final metrics use."""
    validation_fraction: HeldOutShare = 0.2
    """Share of the doors of a generated dataset in the validation set, which selects weights,
    penalties and learning rates."""
    simulator: Annotated[str, Option(tuple(SIMULATORS))] = AUTO
    """Simulator of the doors: auto (pybullet, or torch if PyBullet is not installed), pybullet,
    torch, or an import path MODULE:NAME."""
    learning_rates: tuple[PositiveFloat, ...] = (2e-3,)
    """Candidate learning rates; the best is selected per model. Models without optimizer steps
    use the first value."""
    architecture: Architecture = field(default_factory=Architecture)
    """Sizes of the networks."""
    device: Annotated[str, Option(DEVICES)] = "auto"
    """Device of training and evaluation: cpu, cuda, or auto for the best available device."""
    workers: NonNegativeInt = 0
    """Number of runs in parallel, one thread each; 0 for one per core of the machine, or for as
    many as the cluster has room for."""
    launcher: str = "local"
    """How worker processes are started. local: on this machine. ray: on the Ray cluster at
    RAY_ADDRESS, or on the cluster that `ray start` started on this machine, or else on this machine
    alone. All machines of the cluster must share the file systems of the given paths. ray needs
    `pip install 'doorlab[ray]'`."""
    worker_gpus: WorkerGpus = 1.0
    """GPUs that a worker reserves on a Ray cluster if the device is a GPU. 0.25 lets four workers
    share a GPU. Workers on one machine without Ray share its GPU."""
    overwrite: bool = False
    """Replace existing summaries; finished runs are never replaced."""

    def __post_init__(self) -> None:
        check_limits(self)


def doors_of(config: StudyConfig, prior: str, out: Path, **others: Any) -> DoorDataset:
    """Generates, completes or opens the dataset of a study for a prior.

    Args:
        config: config of the study.
        prior: prior of the doors.
        out: folder of the dataset.
        others: further fields of `generate.Config`, which override those of the study.
    """
    return DoorDataset.open(generate.run(_wanted(config, prior, out, **others)))


def _wanted(config: StudyConfig, prior: str, out: Path, **others: Any) -> generate.Config:
    as_usual = generate.Config(
        seed=config.data_seed, doors=config.doors, prior=prior, frames=config.frames,
        image_size=config.image_size, simulator=config.simulator,
        test_fraction=config.test_fraction, validation_fraction=config.validation_fraction,
        videos=0, out=out, workers=config.workers, launcher=config.launcher, resume=True,
    )  # fmt: skip
    return replace(as_usual, **others)


def check_split(
    split: str, use: str, config: StudyConfig, dataset: DoorDataset | None = None, fix: str = ""
) -> None:
    """Raises ConfigError if a split has no doors.

    Args:
        split: test or validation.
        use: purpose of the doors of the split, for the error message.
        config: config of the study.
        dataset: dataset to check; None for the dataset that the study will generate.
        fix: alternative to having such doors, in the imperative, for the error message.
    """
    if dataset is None:
        # The split does not depend on the prior.
        splits = split_of_doors(_wanted(config, DEFAULT_PRIOR, config.out))
    else:
        splits = dataset.read("split")
    if SPLITS.index(split) not in splits:
        where = f"none in {dataset.path}" if dataset else "none"
        ways = " or ".join(filter(None, (f"generate some with --{split}-fraction", fix)))
        raise ConfigError(f"{split} doors to {use}", where, ways)


def is_finished(path: Path, config: StudyConfig, checksums: Sequence[str]) -> bool:
    """Whether the result of this study exists and `overwrite` is False.

    Args:
        path: the result file that the study writes last.
        config: config of the study, with the same completed fields as in the result file.
        checksums: checksums of the datasets of the study.

    Raises ResultError if the file contains the result of another study. A damaged file counts as
    missing.
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
            f"a result with other settings: {', '.join(changed)}",
            "choose another --out, or replace it with --overwrite",
        )
    return True


def _checksums_in(result: Mapping[str, Any]) -> set[str]:
    """Checksums of all datasets of a result, including the parts of each prior."""
    parts = [result, *result.get("priors", {}).values()]
    return {f"{part['dataset_checksum']}" for part in parts}


@runtime_checkable
class Named(Protocol):
    """A run, described by plain values, so that it can be sent to a worker process."""

    @property
    def name(self) -> str:
        """Unique name of the run: its folder, relative to that of the study."""
        ...


R = TypeVar("R", bound=Named)


def check_execution(config: StudyConfig) -> None:
    """Raises ConfigError for invalid settings of devices, workers and launchers."""
    check_workers(config.workers)
    get_launcher(config.launcher)
    resolve_device(config.device, "--device")


def run_parallel(
    do: Callable[[R], object], runs: Sequence[R], config: StudyConfig, what: str
) -> None:
    """Executes runs in parallel, starting them in order.

    Args:
        do: executes one run; reads its inputs from files, and skips finished parts, so that an
            interrupted study continues when the same command is called again.
        runs: the runs.
        config: config of the study: its folder, workers, launcher and device.
        what: name of the work, for the progress bar.
    """
    by_name = {run.name: run for run in runs}
    gpus = reserved_gpus(config.device, config.worker_gpus, config.launcher)
    work = partial(_by_name, do, by_name)
    results = run_items(config.launcher, work, list(by_name), config.workers, config.out, gpus)
    with contextlib.closing(results):
        for _ in track(results, what, "runs", len(by_name)):
            pass


def _by_name(do: Callable[[R], object], runs: dict[str, R], name: str) -> str:
    do(runs[name])
    return name


@contextlib.contextmanager
def single_threaded() -> Iterator[None]:
    """Context in which started worker processes use one thread each."""
    with environment_variables(OMP_NUM_THREADS="1"):
        yield


def check_priors(names: Sequence[str]) -> None:
    """Raises ConfigError if a prior can't be resolved, or two priors have the same name."""
    labels = [prior_label(name) for name in names]
    for name in names:
        get_prior(name)
    if len(set(labels)) < len(labels):
        raise ConfigError(
            "priors with different names", ", ".join(labels), "rename a file or object"
        )


def check_choices(config: Any, *names: str) -> None:
    """Raises ConfigError if a setting is empty or contains a value twice."""
    for name in names:
        values = getattr(config, name)
        if not values or len(set(values)) < len(values):
            option = "--" + name.replace("_", "-")
            expected = f"{option} with one value or more, none of them twice"
            raise ConfigError(expected, f"{values}", "list each value once")
