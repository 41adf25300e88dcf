"""Import footage (images or videos of real doors) as a dataset for pretraining.

SOURCE contains one entry per door: a subfolder of images (jpg, png, webp, bmp, tiff, ppm) or a
video (mp4, mov, avi, mkv, webm). The command takes --frames evenly spaced images per door, and
crops and resizes them to squares of --image-size pixels. Images are rotated and mirrored according
to the metadata of their files; transparent parts become black. HEIC and AVIF images must be
converted first. An imported dataset contains frames and splits, but no actions or rewards: use it
with `doorlab pretrain`. Commands that need rewards fail with an explanation.

An interrupted or killed run can be continued with --resume, which also restores damaged parts from
the footage.

If SOURCE is a LeRobot dataset of version v3.0 (a folder with meta/info.json), every episode is one
door. The frames are those of one camera, --camera if there are several. The command then needs
pyarrow: `pip install 'doorlab[hub]'`.

If SOURCE is a folder that `doorlab export` wrote as Parquet, the command restores the exported
dataset. The values are identical; the checksum is identical if the same version of tensorstore
compresses them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from tyro.conf import Positional

from doorlab.data.config import empty_splits_warning
from doorlab.data.lerobot.layout import LEROBOT_VIDEO
from doorlab.data.sources.footage import UNREAD_IMAGES
from doorlab.data.sources.importing import FootageSettings, ImportPlan, listing, plan_import
from doorlab.data.writer import import_dataset
from doorlab.errors import ConfigError
from doorlab.limits import NonNegativeInt, check_limits
from doorlab.run_layout import EXPORT_FILE
from doorlab.storage.folders import refuse_inside
from doorlab.terminal.text import print_note


@dataclass(frozen=True, kw_only=True)
class Config(FootageSettings):
    """Footage to import, output folder and worker processes."""

    source: Positional[Path]
    """Folder with one subfolder of images or one video per door, LeRobot dataset, or folder of an
    export."""
    out: Path = Path("runs/footage")
    """Folder of the dataset; must not exist, unless --resume is given."""
    workers: NonNegativeInt = 0
    """Worker processes; 0 for one per core."""
    resume: bool = False
    """Continue the dataset in --out, and restore damaged parts."""

    def __post_init__(self) -> None:
        check_limits(self)


def run(config: Config) -> Path:
    """Writes the dataset; returns its folder.

    Raises:
        ConfigError: if settings are invalid, or differ from those of the dataset in --out.
        DatasetError: if the footage or the export is missing, too short or unreadable, or if the
            folder can't be written.
        KeyboardInterrupt: on Ctrl-C; its message contains the command that continues the import.
    """
    refuse_inside(config.out, config.source, "the footage or export")
    how = {"workers": config.workers, "resume": config.resume}
    if (config.source / EXPORT_FILE).exists():
        from doorlab.data.hub import export

        _refuse_settings(config)
        restored = export.restore_dataset(config.out, config.source, **how)
        if restored.checksum != export.exported_checksum(config.source):
            note = "the values are identical to the exported ones, but their checksum differs"
            print_note(f"{note}: another version of tensorstore compressed them")
        return config.out
    plan = plan_import(config.source, config)
    _report(plan)
    import_dataset(config.out, plan.config, **how)
    return config.out


def _report(plan: ImportPlan) -> None:
    """Prints which files are left out, and a warning if a split is empty."""
    heic = any(Path(name).suffix.lower() in UNREAD_IMAGES for name in plan.passed_over)
    for what, names, advice in (
        ("too few images", plan.short, ""),
        ("not an image or video", plan.ignored, ""),
        ("unreadable", plan.unreadable, ""),
        (
            "unsupported format in the folder of a door",
            plan.passed_over,
            "; convert HEIC and AVIF to JPEG to import them" if heic else "",
        ),
    ):
        if names:
            print_note(f"left out ({what}): {listing(names)}{advice}")
    parts = [name for name in plan.config.names if LEROBOT_VIDEO.fullmatch(name)]
    if parts:
        print_note(
            f"{listing(parts)}: LeRobot names videos of many episodes so. If these are, import the "
            "folder that contains meta/info.json"
        )
    warning = empty_splits_warning(plan.config)
    if warning:
        print_note(warning)


def _refuse_settings(config: Config) -> None:
    default = FootageSettings()
    names = [f.name for f in fields(default) if getattr(config, f.name) != getattr(default, f.name)]
    if names:
        raise ConfigError(
            f"no settings of footage, as {config.source} is an export, which is restored unchanged",
            f"--{', --'.join(names)}".replace("_", "-"),
            "remove these options",
        )
