"""dataset.json: what a dataset is, which of its parts are written, and their checksums.

A part (a shard or a video) counts once it is listed here, or in the journal of a dataset that is
being written (`doorlab.data.part_journal`). Nothing in it depends on workers, times or machines,
except for the checksums of videos: their bytes depend on the version of the video encoder.

    checksum        identifies the dataset: over settings and shards, equal with and without videos
    file_checksum   over all other entries, so that every change of the file is found

Earlier versions wrote no `file_checksum`. Their `checksum` is over all other entries, videos
included. It stays the checksum of such a dataset, because results and models refer to it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from doorlab.data.checksums import checksum
from doorlab.data.config import DatasetConfig, split_of_doors
from doorlab.data.object_store import REMEDY, read_object
from doorlab.data.part_journal import read_journal
from doorlab.data.parts import PART_FOLDERS, is_video
from doorlab.data.schema import FORMAT_VERSION, SPLITS
from doorlab.data.sources.importing import ImportConfig
from doorlab.data.sources.simulation import GenerationConfig
from doorlab.errors import ConfigError, DatasetError
from doorlab.run_layout import DATASET_FILE
from doorlab.storage.files import atomic_write_json, parse_json, read_json
from doorlab.storage.store_urls import dataset_location, is_remote

CONFIGS: dict[str, type[DatasetConfig]] = {
    config.kind: config for config in (GenerationConfig, ImportConfig)
}


@dataclass
class Manifest:
    """The content of dataset.json.

    Attributes:
        config: settings of the dataset.
        renderer: name of the renderer of the images.
        parts: path below the dataset ("shards/shard-00000", "videos/door-00000.mp4") -> checksum,
            of every part that is written.
        prior: every field of the prior that the doors were sampled from, as plain JSON values; None
            for a prior that doorlab itself names, and for doors that are real. The fields make a
            dataset reproducible without the module or file of its prior.
        covers_videos: whether `checksum` covers the videos, as in datasets of earlier versions.
    """

    config: DatasetConfig
    renderer: str
    parts: dict[str, str] = field(default_factory=dict)
    prior: dict[str, Any] | None = None
    covers_videos: bool = False

    @staticmethod
    def read(path: str | Path) -> Manifest:
        """The manifest of the dataset in the folder `path`, or at a `StoreUrl`.

        Raises DatasetError when there is none, when it is damaged, or of another format version.
        """
        path = dataset_location(path)
        file, remote = path / DATASET_FILE, is_remote(path)
        content = read_object(file) if remote else None
        if content is None and (remote or not file.exists()):
            fix = REMEDY if remote else "make one with `doorlab generate --out`"
            raise DatasetError(f"a dataset in {path}", f"no {DATASET_FILE}", fix)
        document = (
            read_json(file, DatasetError)
            if content is None
            else parse_json(content, file, DatasetError)
        )
        manifest = Manifest.from_json(document, file)
        if not manifest.complete and not remote:
            noted, missing = read_journal(Path(path)), set(manifest.missing)
            manifest.parts |= {part: known for part, known in noted.items() if part in missing}
        return manifest

    @staticmethod
    def from_json(document: dict[str, Any], file: Path) -> Manifest:
        """The inverse of `to_json`. Raises DatasetError, naming the `file` that it comes from."""
        _check_version(file.parent, document.get("format_version"))
        covers_videos = "file_checksum" not in document
        of_file = "checksum" if covers_videos else "file_checksum"
        if document.get(of_file) != _checksum(document, of_file):
            raise DatasetError(
                f"{file} as it was written", "a changed one", "restore it or generate it again"
            )
        try:
            config = CONFIGS[document["kind"]].from_json(document["config"])
            _check_arrays(config, document["arrays"])
            parts = {
                f"{kind}/{name}": part["checksum"]
                for kind in PART_FOLDERS
                for name, part in document[kind].items()
            }
            _check_prior(document.get("prior"))
            manifest = Manifest(
                config, document["renderer"], parts, document.get("prior"), covers_videos
            )
            _check_parts(manifest)
            if document["checksum"] != manifest.checksum:
                raise LookupError("the checksum of another dataset")
            return manifest
        except (ConfigError, LookupError, AttributeError, TypeError) as error:
            raise DatasetError(
                f"the settings and parts of a dataset in {file}", f"{error}", "generate it again"
            ) from None

    def write(self, path: str | Path) -> None:
        """Replaces dataset.json in the folder `path`, atomically."""
        atomic_write_json(Path(path) / DATASET_FILE, self.to_json())

    def to_json(self) -> dict[str, Any]:
        """The document. A pure function of the config once every part is written."""
        document = self._entries() | {"checksum": self.checksum}
        if self.covers_videos:
            return document
        return document | {"file_checksum": _checksum(document, "file_checksum")}

    @property
    def checksum(self) -> str:
        """Identifies the dataset: over its settings and the checksums of its shards.

        It is that of the same dataset without videos, unless `covers_videos`: no model learns from
        videos, and their bytes depend on the version of the video encoder.
        """
        about = self if self.covers_videos else self._without_videos()
        return _checksum(about._entries(), "checksum")

    def _without_videos(self) -> Manifest:
        shards = {part: known for part, known in self.parts.items() if not is_video(part)}
        return replace(self, config=self.config.without_videos(), parts=shards)

    def _entries(self) -> dict[str, Any]:
        """Everything in the document but its checksums."""
        counts = np.bincount(split_of_doors(self.config), minlength=len(SPLITS))
        return {
            "format_version": FORMAT_VERSION,
            "kind": self.config.kind,
            "complete": self.complete,
            "doors": self.config.doors,
            "splits": {name: int(count) for name, count in zip(SPLITS, counts, strict=True)},
            "renderer": self.renderer,
            **({} if self.prior is None else {"prior": self.prior}),
            "arrays": list(self.config.arrays()),
            "config": self.config.to_json(),
            "shards": {
                name: {"doors": list(doors), "checksum": self.parts[f"shards/{name}"]}
                for name, doors in self.config.shards().items()
                if f"shards/{name}" in self.parts
            },
            "videos": {
                name: {"checksum": self.parts[f"videos/{name}"]}
                for name in self.config.video_names()
                if f"videos/{name}" in self.parts
            },
        }

    @property
    def expected(self) -> list[str]:
        """Every part that the finished dataset has; those that take longest first."""
        videos = [f"videos/{name}" for name in self.config.video_names()]
        return videos + [f"shards/{name}" for name in self.config.shards()]

    @property
    def missing(self) -> list[str]:
        """The parts that are not written yet."""
        return [name for name in self.expected if name not in self.parts]

    @property
    def complete(self) -> bool:
        """Whether every part is written."""
        return not self.missing


def _checksum(document: dict[str, Any], own: str) -> str:
    """Checksum over all entries but `own`, which contains it."""
    bare = {key: value for key, value in document.items() if key != own}
    return checksum({DATASET_FILE: json.dumps(bare, sort_keys=True).encode()})


def _check_arrays(config: DatasetConfig, names: list[str]) -> None:
    """A dataset whose schema was another is none that this doorlab can read."""
    odd = set(names) ^ set(config.arrays())
    if odd:
        raise LookupError(f"arrays of another doorlab ({', '.join(sorted(odd))})")


def _check_parts(manifest: Manifest) -> None:
    """Only parts that the settings ask for: any other path would be read below the dataset."""
    odd = set(manifest.parts) - set(manifest.expected)
    if odd:
        raise LookupError(f"a part that no such dataset has ({min(odd)})")
    bad = [part for part, known in manifest.parts.items() if not isinstance(known, str)]
    if bad:
        raise LookupError(f"a checksum of {min(bad)} that is no text")


def _check_prior(prior: Any) -> None:
    if not isinstance(prior, dict | None):
        raise LookupError("ranges of a prior that are no object")


def _check_version(path: str | Path, version: Any) -> None:
    if version == FORMAT_VERSION:
        return
    if isinstance(version, int) and version > FORMAT_VERSION:
        got, fix = f"the newer {version}", "run `pip install --upgrade doorlab`"
    else:
        got = f"the older {version}" if isinstance(version, int) else f"{version!r}"
        fix = "generate it again: `doorlab generate --out NEW_FOLDER`"
    raise DatasetError(f"format version {FORMAT_VERSION} in {path}", got, fix)
