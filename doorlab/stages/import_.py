"""Make a dataset of footage: images or videos of real doors, to pretrain on.

SOURCE holds one entry per door: a subfolder with images (jpg, png, webp, bmp, tiff, ppm), or a
video (mp4, mov, avi, mkv, webm). From every door come --frames pictures, evenly spaced, cut to
squares of --image-size pixels. Pictures come out as they are shown: turned upright and mirrored as
their files say, transparent parts on black. HEIC and AVIF have to be converted first. Nobody acted
on these doors, so the dataset has pictures and splits alone: `doorlab pretrain` learns from it,
what needs rewards says that there are none.

A run that is stopped, or killed, goes on with --resume where it was; --resume also repairs damaged
parts from the footage.

A folder that `doorlab export` wrote becomes again the dataset that it was: the same values, and the
same checksum where the same version of tensorstore compresses them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from tyro.conf import Positional

from doorlab.data.config import empty_splits_warning
from doorlab.data.manifest import EXPORT_FILE
from doorlab.data.sources.footage import UNREAD_IMAGES
from doorlab.data.sources.importing import FootageSettings, ImportPlan, listing, plan_import
from doorlab.data.writer import import_dataset
from doorlab.errors import ConfigError
from doorlab.limits import NonNegativeInt, check_limits
from doorlab.storage.folders import refuse_inside
from doorlab.terminal.text import print_note


@dataclass(frozen=True, kw_only=True)
class Config(FootageSettings):
    """Which footage, how, and where to."""

    source: Positional[Path]
    """Folder with one subfolder of images, or one video, per door; or an exported dataset."""
    out: Path = Path("runs/footage")
    """Folder of the dataset; must be new, unless --resume."""
    workers: NonNegativeInt = 0
    """Worker processes; 0 for one per core."""
    resume: bool = False
    """Go on with the dataset in --out, and make damaged parts again."""

    def __post_init__(self) -> None:
        check_limits(self)


def run(config: Config) -> Path:
    """Writes the dataset; returns its folder.

    Raises:
        ConfigError: for settings that make no sense, or differ from those of the dataset in --out.
        DatasetError: for footage, or an export, that is missing, too short or can't be read, and
            for a folder that can't be written.
        KeyboardInterrupt: on Ctrl-C; its message says how to go on.
    """
    refuse_inside(config.out, config.source, "the footage or export")
    how = {"workers": config.workers, "resume": config.resume}
    if (config.source / EXPORT_FILE).exists():
        from doorlab.data.hub import export

        _refuse_settings(config)
        restored = export.restore_dataset(config.out, config.source, **how)
        if restored.checksum != export.exported_checksum(config.source):
            note = "the values are those that were exported, their checksum is not"
            print_note(f"{note}: another tensorstore compressed them")
        return config.out
    plan = plan_import(config.source, config)
    _report(plan)
    import_dataset(config.out, plan.config, **how)
    return config.out


def _report(plan: ImportPlan) -> None:
    """Prints what is left out, and whether a split is empty."""
    heic = any(Path(name).suffix.lower() in UNREAD_IMAGES for name in plan.passed_over)
    for what, names, advice in (
        ("with too few pictures", plan.short, ""),
        ("that are no footage", plan.ignored, ""),
        ("that can't be read", plan.unreadable, ""),
        (
            "in doors' folders, of other formats",
            plan.passed_over,
            "; convert HEIC and AVIF to JPEG to have them" if heic else "",
        ),
    ):
        if names:
            print_note(f"left out, {what}: {listing(names)}{advice}")
    warning = empty_splits_warning(plan.config)
    if warning:
        print_note(warning)


def _refuse_settings(config: Config) -> None:
    default = FootageSettings()
    names = [f.name for f in fields(default) if getattr(config, f.name) != getattr(default, f.name)]
    if names:
        raise ConfigError(
            f"no settings for the exported dataset in {config.source}, which comes back as it was",
            f"--{', --'.join(names)}".replace("_", "-"),
            "leave them out",
        )
