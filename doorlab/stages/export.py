"""Export a dataset or a model for a hub, or in the format of another library.

Formats:

- parquet (default for a dataset): Parquet files, a dataset card and the videos. One row is one
  door, with its frames as PNG images, its parameters, actions and rewards. The card (README.md)
  explains every column. `doorlab import OUT --out NEW` restores the dataset, with the same
  checksum. An export of imported footage also contains the path of the footage and the names of its
  folders and videos, which are published with the export. Needs pyarrow: `pip install
  'doorlab[hub]'`.
- weights (default for a model): config.json, model.safetensors and a model card (README.md) with
  the data, the command, the seeds and the results of the model. All commands and
  `RewardPredictor.from_pretrained` read the folder like the folder of a run.

Upload the folder without changes, for example with `hf upload OWNER/NAME OUT .`, and with
`--repo-type dataset` for a dataset.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional

from doorlab.data.dataset import DoorDataset
from doorlab.errors import unknown_name
from doorlab.limits import PositiveInt, check_limits
from doorlab.options import Option, changed_options
from doorlab.run_layout import DATASET_FILE, METRICS_FILE
from doorlab.serialization import to_json
from doorlab.storage.files import read_json
from doorlab.storage.text_paths import shell_quoted

# Settings of a training run that do not affect its result, and paths, which the card replaces.
_NOT_IN_COMMANDS = {"data", "out", "pretrained", "resume", "overwrite", "compute", "monitor"}


def _export_parquet(config: Config) -> None:
    from doorlab.data.hub.card import CardInfo
    from doorlab.data.hub.export import export_dataset

    export_dataset(
        DoorDataset.open(config.source),
        config.out,
        CardInfo(config.title or CardInfo.title, config.license),
        file_doors=config.file_doors,
        overwrite=config.overwrite,
    )


def _export_weights(config: Config) -> None:
    from doorlab.models.hub.export import ModelCardInfo, export_model
    from doorlab.models.hub.locate import find_model

    run = find_model(config.source, "reward")
    export_model(
        run,
        config.out,
        ModelCardInfo(config.title, config.license, training_command(run)),
        results=config.results,
        dtype=config.dtype,
        overwrite=config.overwrite,
    )


_EXPORTERS: dict[str, Callable[[Config], None]] = {
    "parquet": _export_parquet,
    "weights": _export_weights,
}


@dataclass(frozen=True, kw_only=True)
class Config:
    """Dataset or model to export, output folder, format and card."""

    source: Positional[Path]
    """Folder of a dataset, folder of a run of `doorlab pretrain` or `doorlab train`, or name of a
    shipped model."""
    out: Path = Path("runs/export")
    """Folder of the export."""
    format: Annotated[str, Option(("auto", *_EXPORTERS))] = "auto"
    """Format of the export, as listed above. auto: parquet for a dataset, weights for a model."""
    title: str = ""
    """Title of the card; if empty, a title made from the contents."""
    license: str = ""
    """License identifier on hubs (mit, cc-by-4.0, ...); if empty, the card states no license."""
    file_doors: PositiveInt = 1000
    """parquet: maximum number of doors per file."""
    results: tuple[Path, ...] = ()
    """weights: result files of this model for the card, regret.json of `doorlab bandit` and
    probes.json of `doorlab probe`. If empty, those beside the run that are about its weights."""
    dtype: Literal["float32", "float16"] = "float32"
    """weights: precision of the stored weights. float16 halves the size."""
    overwrite: bool = False
    """Replace an existing export in --out."""

    def __post_init__(self) -> None:
        check_limits(self)


def run(config: Config) -> Path:
    """Writes the export; returns its folder.

    Raises ConfigError if the format is unknown, or a library that it needs is not installed.
    `data.hub.export` and `models.hub.export` document the other errors.
    """
    name = _default_format(config.source) if config.format == "auto" else config.format
    if name not in _EXPORTERS:
        raise unknown_name("format", name, ("auto", *_EXPORTERS))
    _EXPORTERS[name](config)
    return config.out


def _default_format(source: Path) -> str:
    """The format for the contents of a folder; parquet if the folder contains no model either."""
    from doorlab.models.description import is_model_folder
    from doorlab.models.hub.locate import is_shipped

    is_dataset = os.path.exists(source / DATASET_FILE)
    return (
        "weights"
        if not is_dataset and (is_model_folder(source) or is_shipped(source))
        else "parquet"
    )


def training_command(run: Path) -> str:
    """The commands that trained the model of a run, one per line, with the paths of examples.

    The first command pretrains the encoder, if its run still exists. The text is empty for an
    exported folder, which contains no config of a run.
    """
    if not (run / METRICS_FILE).exists():
        return ""
    result: dict[str, Any] = read_json(run / METRICS_FILE)
    stage, settings = f"{result.get('stage')}", result.get("config")
    if stage not in ("pretrain", "train") or not isinstance(settings, dict):
        return ""
    presets, preset = import_module(f"doorlab.stages.{stage}").PRESETS, settings.get("preset")
    defaults = to_json(presets[preset]) if preset in presets else {}
    paths = ["--data", "runs/doors", "--out", f"runs/{run.absolute().name}"]
    before = ""
    if settings.get("pretrained"):
        base = Path(settings["pretrained"])
        paths += ["--pretrained", f"runs/{base.name}"]
        before = training_command(base)
    given = {k: v for k, v in settings.items() if k not in {*_NOT_IN_COMMANDS, "preset"}}
    words = ["doorlab", stage, *paths, "--preset", f"{preset}", *changed_options(given, defaults)]
    return f"{before}\n{' '.join(map(shell_quoted, words))}".strip()
