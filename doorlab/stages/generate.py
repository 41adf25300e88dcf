"""Generate a dataset of doors in simulation.

Every door is drawn from a prior, filmed standing open by random angles, and pulled on with random
actions. The frames are what a robot may look at beforehand; the actions and their rewards are what
it learns from; the true parameters are stored for evaluation alone.

The seed decides every byte, whatever the number of workers and machines. A run that is stopped, or
killed, goes on with --resume where it was; --resume also repairs damaged parts.
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
    """What to generate, where to, and with how many hands."""

    preset: str = "tiny"
    """Defaults for everything else: tiny (half a minute), small (minutes), full (hours)."""
    out: Path = Path("runs/dataset")
    """Folder of the dataset; must be new, unless --resume."""
    workers: NonNegativeInt = 0
    """Worker processes; 0 for one per core of the machine, or of the cluster."""
    launcher: str = "local"
    """How workers are started: local, as processes of this machine; ray, on the Ray cluster of
    RAY_ADDRESS, or that `ray start` has started here, or else on this machine. Its machines must
    all see --out. It needs `pip install 'doorlab[ray]'`."""
    resume: bool = False
    """Go on with the dataset in --out, and make damaged parts again."""


PRESETS: dict[str, Config] = {
    # One look for all doors, as in the papers: pictures that minutes of training can make sense of.
    "tiny": Config(),
    "small": replace(Config(), preset="small", doors=10_000, prior="default", test_fraction=0.1),
    "full": replace(
        Config(), preset="full", doors=40_000, prior="default", test_fraction=0.05, image_size=128
    ),
}


def run(config: Config) -> Path:
    """Writes the dataset; returns its folder. See `doorlab.data.write_dataset` for the errors."""
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
