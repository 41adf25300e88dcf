"""Export a dataset or a model for a hub, or in the format of another library.

Formats:

- parquet (default for a dataset): Parquet files, a dataset card and the videos. One row is one
  door, with its frames as PNG images, its parameters, actions and rewards. The card (README.md)
  explains every column. `doorlab import OUT --out NEW` restores the dataset, with the same
  checksum. An export of imported footage also contains the path of the footage and the names of its
  folders and videos, which are published with the export. Needs pyarrow: `pip install
  'doorlab[hub]'`.
- lerobot: a LeRobotDataset v3.0. An episode contains the frames of one door, or with --interactions
  the film of one interaction: images, poses of the hand (of the arm, for the simulator panda), the
  joint position of the door, and the reward. The columns of an episode are the parameters of its
  door. `doorlab import OUT --out NEW` imports the frames. Needs pyarrow, too.
- weights (default for a model): config.json, model.safetensors and a model card (README.md) with
  the data, the command, the seeds and the results of the model. All commands and
  `RewardPredictor.from_pretrained` read the folder like the folder of a run.
- onnx: the model of a run as ONNX files. embed.onnx computes the embedding of a door, reward.onnx
  predicts the rewards of actions, decode.onnx decodes latents to images. onnx.json describes their
  inputs and outputs. A program needs onnxruntime to run them; the export itself needs
  `pip install 'doorlab[onnx]'`, and takes about half a minute.

Upload the folder without changes, for example with `hf upload OWNER/NAME OUT .`, and with
`--repo-type dataset` for a dataset.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional

from doorlab.data.dataset import DoorDataset
from doorlab.errors import ConfigError, unknown_name
from doorlab.limits import NonNegativeInt, PositiveInt, check_limits, flag, from_to
from doorlab.options import Option, changed_options
from doorlab.run_layout import DATASET_FILE, METRICS_FILE
from doorlab.serialization import to_json
from doorlab.storage.files import read_json
from doorlab.storage.text_paths import shell_quoted

# Settings of a training run that do not affect its result, and paths, which the card replaces.
_NOT_IN_COMMANDS = {
    "data",
    "out",
    "pretrained",
    "encoder",
    "resume",
    "overwrite",
    "compute",
    "monitor",
}


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


def _export_lerobot(config: Config) -> None:
    from doorlab.data.hub.card import CardInfo
    from doorlab.data.lerobot.episodes import FrameEpisodes
    from doorlab.data.lerobot.export import export_lerobot
    from doorlab.data.lerobot.films import FilmEpisodes

    dataset = DoorDataset.open(config.source)
    if config.interactions:
        episodes = FilmEpisodes(dataset, config.interactions, config.fps)
    else:
        episodes = FrameEpisodes(dataset)
    export_lerobot(
        dataset,
        config.out,
        CardInfo(config.title or CardInfo.title, config.license),
        episodes,
        video=config.video,
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


def _export_onnx(config: Config) -> None:
    from doorlab.models.hub.locate import find_model
    from doorlab.onnx_export.export import export_model

    export_model(find_model(config.source, "reward"), config.out, overwrite=config.overwrite)


_EXPORTERS: dict[str, Callable[[Config], None]] = {
    "parquet": _export_parquet,
    "lerobot": _export_lerobot,
    "weights": _export_weights,
    "onnx": _export_onnx,
}
_LEROBOT = ("interactions", "fps", "video")  # options of this format only


@dataclass(frozen=True, kw_only=True)
class Config:
    """Dataset or model to export, output folder, format and card."""

    source: Positional[Path]
    """Folder or URL of a dataset, folder of a run of `doorlab pretrain` or `doorlab train`, or name
    of a shipped model."""
    out: Path = Path("runs/export")
    """Folder of the export."""
    format: Annotated[str, Option(("auto", *_EXPORTERS))] = "auto"
    """Format of the export, as listed above. auto: parquet for a dataset, weights for a model."""
    title: str = ""
    """Title of the card; if empty, a title made from the contents."""
    license: str = ""
    """License identifier on hubs (mit, cc-by-4.0, ...); if empty, the card states no license."""
    file_doors: PositiveInt = 1000
    """parquet, lerobot: maximum number of doors per file."""
    interactions: NonNegativeInt = 0
    """lerobot: number of interactions per door to export as films; 0 exports the passive frames."""
    fps: Annotated[int, from_to(1, 240)] = 10
    """lerobot, with --interactions: frames per second of the films."""
    video: bool = False
    """lerobot: write the images as H.264 videos, which lose detail, instead of PNG images."""
    results: tuple[Path, ...] = ()
    """weights: result files of this model for the card, regret.json of `doorlab bandit` and
    probes.json of `doorlab probe`. If empty, those beside the run that are about its weights."""
    dtype: Literal["float32", "float16"] = "float32"
    """weights: precision of the stored weights. float16 halves the size."""
    overwrite: bool = False
    """Replace an existing export in --out."""

    def __post_init__(self) -> None:
        check_limits(self)
        if self.format != "lerobot":
            self._require(_LEROBOT, "--format lerobot", f"--format {self.format}")
        elif not self.interactions:
            self._require(("fps",), "--interactions", "none")

    def _require(self, names: tuple[str, ...], needed: str, got: str) -> None:
        """Raises ConfigError if one of the options `names` is not at its default."""
        default = {f.name: f.default for f in fields(self)}
        given = [flag(name) for name in names if getattr(self, name) != default[name]]
        if given:
            options = " and ".join(given)
            raise ConfigError(f"{needed} with {options}", got, f"add {needed}, or remove {options}")


def run(config: Config) -> Path:
    """Writes the export; returns its folder.

    Raises ConfigError if the format is unknown, or a library that it needs is not installed.
    `data.hub.export`, `data.lerobot.export`, `models.hub.export` and `onnx_export.export` document
    the other errors.
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
