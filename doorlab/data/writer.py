"""Writes a dataset part by part; interrupted writes can be resumed.

    DIR/dataset.json              the manifest, see `doorlab.data.manifest`
    DIR/shards/shard-00000/       a Zarr v3 group of 64 doors, see `doorlab.data.shards`
    DIR/videos/door-00000.mp4     a video of a door, see `doorlab.data.video_writer`

Worker processes write parts under temporary names and rename them. The launching process records
finished parts in a journal (`doorlab.data.part_journal`) and lists them in dataset.json at the end.
On resume, parts that are not listed or have a wrong checksum are written again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from doorlab.data.checksums import checksum, part_checksum
from doorlab.data.manifest import Manifest
from doorlab.data.part_journal import PartJournal
from doorlab.data.parts import PART_FOLDERS, make_room
from doorlab.data.shards import write_shard
from doorlab.data.sources.importing import FootageWriter, ImportConfig
from doorlab.data.sources.simulation import GenerationConfig, make_door, make_shard
from doorlab.data.validation import check_values
from doorlab.data.video_writer import encode_video, render_opening
from doorlab.doors.priors import recorded_ranges
from doorlab.errors import ConfigError, DatasetError, ResultError
from doorlab.parallel.launchers import check_workers, get_launcher, run_items
from doorlab.run_layout import DATASET_FILE
from doorlab.seeding import stream
from doorlab.sim import Simulator, make_simulator
from doorlab.storage.files import atomic_write_bytes
from doorlab.storage.folders import output_folder, remove_leftovers
from doorlab.storage.locking import LOCK_FILE
from doorlab.storage.text_paths import shell_quoted
from doorlab.terminal.progress import progress_bar

MakeSimulator = Callable[[str], Simulator]

FOOTAGE = "a camera"  # stored in place of a renderer's name
_RECYCLE_DOORS = 512  # doors after which a simulator is replaced, because engines leak memory


def write_dataset(
    path: str | Path,
    config: GenerationConfig,
    *,
    workers: int = 1,
    launcher: str = "local",
    resume: bool = False,
    simulator: MakeSimulator = make_simulator,
) -> Manifest:
    """Generates the dataset `config` in the folder `path`, or resumes its generation.

    Args:
        path: a folder that does not exist or is empty, unless `resume`.
        config: settings of the dataset. For the simulator auto, the one in use is recorded.
        workers: number of worker processes; 0 for one per core. Does not affect the bytes.
        launcher: a name of `launchers.LAUNCHERS`. Does not affect the bytes.
        resume: keep the intact parts in `path` and write the others.
        simulator: creates a simulator from its name in every worker process; must be picklable.

    Raises:
        ConfigError: for an unknown name, or if `path` holds a dataset with another config.
        DatasetError: if `path` is in use, cannot be written (for example, the disk is full), or is
            not on a disk that all workers share.
        KeyboardInterrupt: on Ctrl-C; the message says how to resume.
    """
    path = Path(path)
    get_launcher(launcher)  # these checks come first, so that errors occur before files are touched
    check_workers(workers)
    prior = recorded_ranges(config.prior, config.door_prior)
    config = config.with_resolved_simulator()  # recorded, and the same in every process
    trial = simulator(config.simulator)
    renderer = trial.renderer
    trial.close()
    return write_parts(
        path,
        Manifest(config, renderer, prior=prior),
        PartWriter(path, config, simulator),
        "generated",
        workers=workers,
        launcher=launcher,
        resume=resume,
        option="" if launcher == "local" else f" --launcher {shell_quoted(launcher)}",
    )


def import_dataset(
    path: str | Path,
    config: ImportConfig,
    *,
    workers: int = 1,
    launcher: str = "local",
    resume: bool = False,
) -> Manifest:
    """Imports footage into the folder `path`; resumes an import and repairs damaged shards.

    Args:
        path, workers, launcher, resume: as for `write_dataset`.
        config: config from `importing.plan_import`.

    Raises as `write_dataset`, and DatasetError for unreadable footage.
    """
    path = Path(path)
    return write_parts(
        path,
        Manifest(config, FOOTAGE),
        FootageWriter(path, config),
        "imported",
        workers=workers,
        launcher=launcher,
        resume=resume,
    )


def write_parts(
    path: Path,
    manifest: Manifest,
    work: PartTask,
    done: str,
    *,
    workers: int,
    launcher: str,
    resume: bool,
    command: str = "",
    option: str = "",
) -> Manifest:
    """Writes the parts of a dataset of any kind, and lists them in dataset.json.

    Args:
        path: as for `write_dataset`.
        manifest: manifest of the dataset, without parts.
        work: writes one part.
        done: past participle for the progress bar ("generated").
        workers: number of worker processes; 0 for one per core.
        launcher: a name of `launchers.LAUNCHERS`.
        resume: keep the intact parts in `path` and write the others.
        command: shell command that resumes; "" for the config's own command.
        option: options to add to the config's own command.

    Raises as `write_dataset`.
    """
    get_launcher(launcher)
    check_workers(workers)
    with _explained(command or manifest.config.command(path) + option), _locked_folder(path):
        manifest = _begin(path, manifest, resume, option)
        try:
            results = run_items(launcher, work, manifest.missing, workers, path)
            with (
                _journal(path, manifest) as journal,
                closing(work),
                closing(results),
                _progress(manifest, done) as advance,
            ):
                for part, checksum in results:
                    manifest.parts[part] = checksum
                    journal.add(part, checksum)
                    advance(part)
        finally:
            _remove_leftovers(path)
    return manifest


@runtime_checkable
class PartTask(Protocol):
    """Writes parts of a dataset; every worker process has a copy."""

    def __call__(self, part: str) -> tuple[str, str]:
        """Writes a part (for example "shards/shard-00000"); returns its name and checksum."""
        ...

    def close(self) -> None:
        """Frees the resources that this process holds."""
        ...


class PartWriter:
    """Simulates and writes one part; keeps its simulator in the worker process."""

    def __init__(self, path: Path, config: GenerationConfig, simulator: MakeSimulator) -> None:
        self._path = path.absolute()  # workers may run in other folders
        self._config, self._make_simulator = config, simulator
        self._simulator: Simulator | None = None
        self._doors = 0

    def __call__(self, part: str) -> tuple[str, str]:
        """Writes a part (for example "shards/shard-00000"); returns its name and checksum."""
        kind, name = part.split("/")
        write = self._write_shard if kind == "shards" else self._write_video
        return part, write(name, self._path / part)

    def close(self) -> None:
        """Closes the simulator, if this process has one."""
        if self._simulator:
            self._simulator.close()
        self._simulator, self._doors = None, 0

    def _write_shard(self, name: str, file: Path) -> str:
        first, last = self._config.shards()[name]
        arrays = make_shard(self._config, first, last, self._simulator_for(last - first))
        for array, values in arrays.items():
            check_values(array, values, np.arange(first, last), self._path, "correct the simulator")
        return write_shard(file, arrays, self._config.arrays())

    def _write_video(self, name: str, file: Path) -> str:
        index = self._config.video_names()[name]
        door, rng = make_door(self._config, index), stream(self._config.seed, "video", index)
        view = self._config.door_prior.sample_view(rng, door)
        video = encode_video(render_opening(self._simulator_for(1), door, view))
        atomic_write_bytes(file, video)
        return checksum({name: video})

    def _simulator_for(self, doors: int) -> Simulator:
        if self._doors + doors > _RECYCLE_DOORS:
            self.close()
        self._simulator = self._simulator or self._make_simulator(self._config.simulator)
        self._doors += doors
        return self._simulator


def _begin(path: Path, wanted: Manifest, resume: bool, option: str) -> Manifest:
    """Writes and returns the initial manifest, which lists the intact parts."""
    if (path / DATASET_FILE).exists():
        if not resume:
            raise DatasetError(
                f"no dataset in {path}",
                "an existing dataset",
                "choose another --out, or complete or repair the dataset with --resume",
            )
        found = Manifest.read(path)
        _refuse_other_settings(path, found, wanted, option)
        whole = {p: known for p, known in found.parts.items() if part_checksum(path, p) == known}
        wanted = replace(found, parts=whole)
        for part in wanted.missing:
            make_room(path, part)
    _remove_leftovers(path)
    wanted.write(path)
    PartJournal(path).remove()
    return wanted


@contextmanager
def _journal(path: Path, manifest: Manifest) -> Iterator[PartJournal]:
    """Yields a journal of parts; writes the manifest when the block ends."""
    journal, before = PartJournal(path), len(manifest.parts)
    try:
        yield journal
    except BaseException:
        with suppress(
            ResultError
        ):  # if writing fails (a full disk, for example), the journal remains
            manifest.write(path)
            journal.remove()
        raise
    finally:
        journal.close()
    if len(manifest.parts) > before:
        manifest.write(path)
        journal.remove()


def _refuse_other_settings(path: Path, found: Manifest, wanted: Manifest, option: str) -> None:
    before, now = found.config, wanted.config
    differing = []
    if found.prior and wanted.prior:  # the ranges count, not where they were read from
        assert isinstance(before, GenerationConfig)
        assert isinstance(now, GenerationConfig)
        now = replace(now, prior=before.prior)
        differing = _differing_ranges(found.prior, wanted.prior)
    differing += before.differing(now)
    if found.renderer != wanted.renderer:
        differing.append(f"renderer ({found.renderer} there, {wanted.renderer} here)")
    if differing:
        raise ConfigError(
            f"the settings with which {path} was started",
            f"a difference in {', '.join(differing)}",
            f"run `{found.config.command(path)}{option}`, or choose another --out",
        )


def _differing_ranges(found: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """The fields in which the ranges of two priors differ, each with both values."""
    return [
        f"{name} of the prior ({found.get(name)} there, {wanted.get(name)} here)"
        for name in sorted(found.keys() | wanted.keys())
        if found.get(name) != wanted.get(name)
    ]


def _remove_leftovers(path: Path) -> None:
    """Removes the temporary files and folders of stopped or killed worker processes."""
    below = (path / kind for kind in PART_FOLDERS)
    for folder in (path, *(folder for folder in below if not folder.is_symlink())):
        remove_leftovers(folder, owned=True)


@contextmanager
def _locked_folder(path: Path) -> Iterator[None]:
    """Creates the folder `path` and locks it against other processes."""
    if path.exists() and not (path / DATASET_FILE).exists():
        _refuse_strangers(path)
    with output_folder(path, DatasetError):
        yield


def _refuse_strangers(path: Path) -> None:
    """Raises DatasetError unless a new folder is empty, apart from files of a killed run."""
    if path.is_dir():
        ours = (LOCK_FILE, f".{DATASET_FILE}.*.tmp")
        strangers = [f.name for f in path.iterdir() if not any(map(f.match, ours))]
        got = f"a folder that contains {min(strangers)}" if strangers else None
    else:
        got = "a file"
    if got:
        raise DatasetError(f"{path} to be empty, or a dataset", got, "choose another --out")


@contextmanager
def _explained(command: str) -> Iterator[None]:
    """Adds instructions for resuming to KeyboardInterrupt and to errors of the disk."""
    go_on = f"`{command}` resumes the work"
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"stopped: finished parts are kept, and {go_on}") from None
    except ResultError as error:
        raise DatasetError(error.expected, error.got, f"{error.fix}. {go_on}") from None


@contextmanager
def _progress(manifest: Manifest, done: str) -> Iterator[Callable[[str], None]]:
    """Yields `advance(part)`; the progress bar counts doors."""
    doors = {f"shards/{name}": b - a for name, (a, b) in manifest.config.shards().items()}
    with progress_bar(
        "dataset", f"doors {done}", sum(doors.get(p, 0) for p in manifest.missing)
    ) as add:
        yield lambda part: add(doors.get(part, 0))
