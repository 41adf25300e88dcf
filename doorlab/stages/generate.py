"""Generate a dataset of doors in simulation.

Each door is sampled from a prior, rendered at random opening angles, and used for interactions with
random actions. The frames are the observations available before the first interaction. Models learn
from the actions and their rewards. The true parameters of the doors are stored for evaluation only.

The seed determines every byte of the dataset, for any number of workers and machines. An
interrupted or killed run can be continued with --resume, which also regenerates damaged parts.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path

from doorlab.data.config import empty_splits_warning
from doorlab.data.sources.simulation import GenerationConfig
from doorlab.data.writer import write_dataset
from doorlab.limits import NonNegativeInt
from doorlab.terminal.text import print_note


@dataclass(frozen=True)
class Config(GenerationConfig):
    """Dataset to generate, output folder and worker processes."""

    preset: str = "tiny"
    """Defaults of the other options: tiny (half a minute), small (minutes), full (hours)."""
    out: Path = Path("runs/dataset")
    """Folder of the dataset; must not exist, unless --resume is given."""
    workers: NonNegativeInt = 0
    """Worker processes; 0 for one per core of the machine or of the cluster."""
    launcher: str = "local"
    """How worker processes are started. local: on this machine. ray: on the Ray cluster at
    RAY_ADDRESS, or on the cluster that `ray start` started on this machine, or else on this machine
    alone. All machines of the cluster must share the file systems of the given paths. ray needs
    `pip install 'doorlab[ray]'`."""
    resume: bool = False
    """Continue the dataset in --out, and regenerate damaged parts."""


PRESETS: dict[str, Config] = {
    # One appearance for all doors, as in the papers: models learn from it within minutes.
    "tiny": Config(),
    "small": replace(Config(), preset="small", doors=10_000, prior="default", test_fraction=0.1),
    "full": replace(
        Config(), preset="full", doors=40_000, prior="default", test_fraction=0.05, image_size=128
    ),
}


def run(config: Config) -> Path:
    """Writes the dataset; returns its folder. `doorlab.data.write_dataset` documents the errors."""
    settings = {f.name: getattr(config, f.name) for f in fields(GenerationConfig)}
    generation = GenerationConfig(**settings)
    if warning := empty_splits_warning(generation):
        print_note(warning)
    write_dataset(
        config.out,
        generation,
        workers=config.workers,
        launcher=config.launcher,
        resume=config.resume,
    )
    return config.out
