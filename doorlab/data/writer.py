"""Writes a dataset, part by part, so that it can be stopped at any moment and gone on with.

    DIR/dataset.json              the manifest, see `doorlab.data.manifest`
    DIR/shards/shard-00000/       a Zarr v3 group of 64 doors, see `doorlab.data.shards`
    DIR/videos/door-00000.mp4     a film of a door, see `doorlab.data.video_writer`

Workers write parts under temporary names and rename them; the launching process then notes them
in a journal (`doorlab.data.part_journal`), and lists them in dataset.json when the work ends. A
part that is not listed, or does not have its checksum, is made again.
"""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from doorlab.data.manifest import FILE_NAME, Manifest
from doorlab.data.part_journal import PartJournal
from doorlab.data.parts import PART_FOLDERS, checksum, make_room, part_checksum
from doorlab.data.shards import write_shard
from doorlab.data.sources.importing import FootageWriter, ImportConfig
from doorlab.data.sources.simulation import GenerationConfig, make_door, make_shard
from doorlab.data.validation import check_values
from doorlab.data.video_writer import encode_video, film_door
from doorlab.doors.priors import recorded_ranges
from doorlab.errors import ConfigError, DatasetError, ResultError
from doorlab.parallel.launchers import check_workers, get_launcher
from doorlab.seeding import stream
from doorlab.sim import Simulator, make_simulator
from doorlab.storage.files import atomic_write_bytes, writing
from doorlab.storage.folders import output_folder, remove_leftovers
from doorlab.storage.locking import LOCK_FILE
from doorlab.storage.text_paths import shell_quoted
from doorlab.terminal.progress import progress_bar

MakeSimulator = Callable[[str], Simulator]

FOOTAGE = "a camera"  # in the place of a renderer's name
_RECYCLE_DOORS = 512  # a simulator is replaced after so many doors: engines leak


def write_dataset(
    path: str | Path,
    config: GenerationConfig,
    *,
    workers: int = 1,
    launcher: str = "local",
    resume: bool = False,
    simulator: MakeSimulator = make_simulator,
) -> Manifest:
    """Generates the dataset `config` in the folder `path`, or goes on with it.

    Args:
        path: a folder that does not exist or is empty, unless `resume`.
        config: what to generate.
        workers: number of processes; 0 for one per core. The bytes do not depend on it.
        launcher: a name of `launching.LAUNCHERS`. The bytes do not depend on it either.
        resume: keep the parts in `path` that are whole, and make the others.
        simulator: makes the simulator of a name, in every worker; can be pickled.

    Raises:
        ConfigError: an unknown name, or `path` holds a dataset of another config.
        DatasetError: `path` is in use, can't be written (the disk is full, say), or is not on a
            disk that all workers share.
        KeyboardInterrupt: on Ctrl-C; its message says how to go on.
    """
    path = Path(path)
    get_launcher(launcher)  # this and what follows fails, if it has to, before a file is touched
    check_workers(workers)
    prior = recorded_ranges(config.prior, config.door_prior)
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
    """Imports footage into the folder `path`, or goes on with it; repairs damaged shards from it.

    Args:
        path, workers, launcher, resume: as for `write_dataset`.
        config: of `importing.plan_import`.

    Raises as `write_dataset`, and DatasetError for footage that can't be read.
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
    """Makes the parts of a dataset of any kind, and lists them in dataset.json.

    Args:
        path: as for `write_dataset`.
        manifest: of the dataset wanted, without parts.
        work: makes and writes one part.
        done: what happens to the doors ("generated"), for the progress bar.
        workers: number of processes; 0 for one per core.
        launcher: a name of `launching.LAUNCHERS`.
        resume: keep the parts in `path` that are whole, and make the others.
        command: what to run to go on; "" for the config's own command.
        option: what to add to a config's own command.

    Raises as `write_dataset`.
    """
    run = get_launcher(launcher)
    check_workers(workers)
    with _explained(command or manifest.config.command(path) + option), _locked_folder(path):
        manifest = _begin(path, manifest, resume, option)
        try:
            shared = SharedDiskCheck(path, work)
            results = run(shared, manifest.missing, workers)
            with (
                _journal(path, manifest) as journal,
                closing(shared),
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
    """Makes and writes parts; a copy lives in every worker."""

    def __call__(self, part: str) -> tuple[str, str]:
        """Writes the part ("shards/shard-00000", say); returns it and its checksum."""
        ...

    def close(self) -> None:
        """Frees what this process holds."""
        ...


class SharedDiskCheck:
    """Work that first looks for a file that the launching process left.

    A folder of the same name on another machine's own disk would be filled to no purpose.
    """

    def __init__(self, path: Path, work: PartTask) -> None:
        self._path, self._work = path.absolute(), work
        with writing(path):
            handle, self._sign = tempfile.mkstemp(prefix=".shared.", suffix=".tmp", dir=path)
            os.close(handle)

    def __call__(self, part: str) -> tuple[str, str]:
        """Writes the part. Raises DatasetError on a machine that does not see the folder."""
        if not os.path.exists(self._sign):
            raise DatasetError(
                f"{self._path} on a disk that all workers share",
                f"another folder, or none, on {platform.node()}",
                "choose an --out that every machine of the cluster sees",
            )
        return self._work(part)

    def close(self) -> None:
        """Closes the work."""
        self._work.close()


class PartWriter:
    """Makes and writes one part by simulation; lives in a worker and keeps its simulator there."""

    def __init__(self, path: Path, config: GenerationConfig, simulator: MakeSimulator) -> None:
        self._path = path.absolute()  # workers may be in other folders
        self._config, self._make_simulator = config, simulator
        self._simulator: Simulator | None = None
        self._doors = 0

    def __call__(self, part: str) -> tuple[str, str]:
        """Writes the part ("shards/shard-00000", say); returns it and its checksum."""
        kind, name = part.split("/")
        write = self._write_shard if kind == "shards" else self._write_video
        return part, write(name, self._path / part)

    def close(self) -> None:
        """Frees the simulator, if there is one in this process."""
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
        film = encode_video(film_door(self._simulator_for(1), door, view))
        atomic_write_bytes(file, film)
        return checksum({name: film})

    def _simulator_for(self, doors: int) -> Simulator:
        if self._doors + doors > _RECYCLE_DOORS:
            self.close()
        self._simulator = self._simulator or self._make_simulator(self._config.simulator)
        self._doors += doors
        return self._simulator


def _begin(path: Path, wanted: Manifest, resume: bool, option: str) -> Manifest:
    """The manifest to start from, on disk too. Everything that it lists is whole."""
    if (path / FILE_NAME).exists():
        if not resume:
            raise DatasetError(
                f"no dataset in {path}",
                "one",
                "choose another --out, or complete or repair it with --resume",
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
    """Yields a journal of parts; what the manifest says of them in the end is on disk, too."""
    journal, before = PartJournal(path), len(manifest.parts)
    try:
        yield journal
    except BaseException:
        with suppress(ResultError):  # on a full disk, say, the journal stays
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
            f"the settings that {path} was begun with",
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
    """Removes the temporary files and folders of workers that were stopped or killed."""
    below = (path / kind for kind in PART_FOLDERS)
    for folder in (path, *(folder for folder in below if not folder.is_symlink())):
        remove_leftovers(folder, owned=True)


@contextmanager
def _locked_folder(path: Path) -> Iterator[None]:
    """Makes the folder `path`, and keeps other processes from writing into it meanwhile."""
    if path.exists() and not (path / FILE_NAME).exists():
        _refuse_strangers(path)
    with output_folder(path, DatasetError):
        yield


def _refuse_strangers(path: Path) -> None:
    """Only what a run leaves that was killed in its first moment may be in a new folder."""
    if path.is_dir():
        ours = (LOCK_FILE, f".{FILE_NAME}.*.tmp")
        strangers = [f.name for f in path.iterdir() if not any(map(f.match, ours))]
        got = f"a folder with {min(strangers)} in it" if strangers else None
    else:
        got = "a file"
    if got:
        raise DatasetError(f"{path} to be empty, or a dataset", got, "choose another --out")


@contextmanager
def _explained(command: str) -> Iterator[None]:
    """Gives interruptions, and what the disk refuses, a message that says how to go on."""
    go_on = f"`{command}` goes on where this stopped"
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"stopped; every finished part is kept, and {go_on}") from None
    except ResultError as error:
        raise DatasetError(error.expected, error.got, f"{error.fix}; {go_on}") from None


@contextmanager
def _progress(manifest: Manifest, done: str) -> Iterator[Callable[[str], None]]:
    """Yields `advance(part)`; the bar counts doors."""
    doors = {f"shards/{name}": b - a for name, (a, b) in manifest.config.shards().items()}
    with progress_bar(
        "dataset", f"doors {done}", sum(doors.get(p, 0) for p in manifest.missing)
    ) as add:
        yield lambda part: add(doors.get(part, 0))
