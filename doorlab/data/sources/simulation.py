"""What a dataset contains, as a pure function of its configuration.

Every door has its own random streams (`doorlab.seeding`), so neither the size of the shards nor
the number of workers nor the order of their work changes a single byte of a door's data.

Legend: D doors in a shard, M frames, J interactions, H, W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from doorlab.data.config import (
    DatasetConfig,
    Doors,
    FrameCount,
    HeldOutShare,
    ImageSize,
    ShardDoors,
    check_config,
    split_of_doors,
)
from doorlab.data.schema import ARRAYS, OPTIONAL, ArraySpec, door_array
from doorlab.doors import PRIORS, Door, DoorPrior, View, doors_to_arrays, get_prior
from doorlab.doors.action_mix import ActionMix, sample_actions
from doorlab.doors.priors import DEFAULT_PRIOR
from doorlab.errors import ConfigError
from doorlab.limits import Seed, from_to
from doorlab.options import Option
from doorlab.seeding import stream
from doorlab.sim import (
    AUTO,
    SIMULATORS,
    RenderOptions,
    Simulator,
    optimal_rewards,
    resolve_simulator,
)
from doorlab.storage.text_paths import shell_quoted


@dataclass(frozen=True)
class GenerationConfig(DatasetConfig):
    """All settings that determine the bytes of a dataset. Raises ConfigError for invalid values."""

    kind = "simulated"

    doors: Doors = 1400
    """Number of doors."""
    frames: FrameCount = 8
    """Passive frames per door, each with its own joint position and camera."""
    interactions: Annotated[int, from_to(0, 100_000)] = 32
    """Interactions per door; 0 for a dataset without actions and rewards."""
    image_size: ImageSize = 64
    """Height and width of a frame, pixels."""
    seed: Seed = 0
    """Seed of every random stream."""
    prior: Annotated[str, Option(tuple(PRIORS))] = DEFAULT_PRIOR
    """Prior of the doors: narrow (one appearance for all doors), narrow_moving (narrow with a new
    camera pose in every frame), default (all appearances), wild (outside the ranges of default), an
    import path MODULE:NAME of a DoorPrior, or a JSON file of its ranges (FILE.json)."""
    simulator: Annotated[str, Option(tuple(SIMULATORS))] = AUTO
    """Simulator: auto (pybullet, or torch if PyBullet is not installed), pybullet, torch (batched,
    on CPU or GPU), panda (a robot arm, about 70 times slower), or an import path MODULE:NAME of a
    callable that returns a Simulator. The dataset records the simulator in use."""
    action_mix: ActionMix = "plausible"
    """Distribution of the actions: uniform (over the whole box), or plausible (three in four
    actions move the hand as typical doors open)."""
    validation_fraction: HeldOutShare = 0.05
    """Share of the doors in the validation set, which selects settings."""
    test_fraction: HeldOutShare = 0.15
    """Share of the doors in the test set, which the final metrics use."""
    shard_doors: ShardDoors = 64
    """Doors per shard, the unit of work, resumption and checksums."""
    depth: bool = False
    """Also store the depth of every pixel, in meters."""
    segmentation: bool = False
    """Also store the segmentation of every pixel: surroundings, frame, panel or handle."""
    shadows: bool = False
    """Render shadows; rendering takes 1.7 times as long (ten times with the simulator torch)."""
    videos: Annotated[int, from_to(0, 10_000)] = 6
    """Number of H.264 videos, of the first doors."""

    def __post_init__(self) -> None:
        check_config(self)
        if self.action_mix not in ("uniform", "plausible"):
            raise ConfigError(
                "action_mix as uniform or plausible", repr(self.action_mix), "correct --action-mix"
            )

    @property
    def origin(self) -> str:
        """Text on the origin of the doors."""
        return f"simulated by {self.simulator}"

    @cached_property
    def door_prior(self) -> DoorPrior:
        """The prior that `prior` names. Raises ConfigError as `get_prior` does.

        The first access resolves the name, so that a dataset can be read without its prior. The
        prior is pickled with the config, so that workers need neither its module nor its file.
        """
        return get_prior(self.prior)

    def with_seed(self, seed: int) -> GenerationConfig:
        """A copy with another seed and the same resolved prior."""
        return self._with(seed=seed)

    def with_resolved_simulator(self) -> GenerationConfig:
        """A copy that names the simulator in use instead of auto, with the same resolved prior."""
        return self._with(simulator=resolve_simulator(self.simulator))

    def _with(self, **settings: Any) -> GenerationConfig:
        other = replace(self, **settings)
        vars(other)["door_prior"] = self.door_prior
        return other

    def arrays(self) -> dict[str, ArraySpec]:
        """All arrays of the schema except optional layers that are not enabled."""
        left_out = {name for name in OPTIONAL if not getattr(self, name)}
        return {name: spec for name, spec in ARRAYS.items() if name not in left_out}

    def command(self, out: str | Path) -> str:
        """The shell command that generates this dataset in `out`, or continues it."""
        where = ["doorlab generate --out", shell_quoted(str(out))]
        return " ".join([*where, *self._options(), "--resume"])

    def video_names(self) -> dict[str, int]:
        """Name -> door of every video."""
        return {f"door-{door:05d}.mp4": door for door in range(min(self.videos, self.doors))}

    def without_videos(self) -> GenerationConfig:
        """The settings of the same dataset without videos."""
        return replace(self, videos=0)


def make_shard(
    config: GenerationConfig, first: int, last: int, simulator: Simulator
) -> dict[str, np.ndarray]:
    """Doors `first` to `last` (excluded): an array for every entry of `config.arrays()`."""
    doors = [make_door(config, i) for i in range(first, last)]
    joint_position = np.stack([joint_positions(config, i, d) for i, d in enumerate(doors, first)])
    views = [passive_views(config, i, door) for i, door in enumerate(doors, first)]
    actions = np.stack([passive_actions(config, i) for i in range(first, last)])
    return {
        **_frames(config, simulator, doors, joint_position, views),
        "joint_position": joint_position,
        "view": np.stack([[view.to_array() for view in of_door] for of_door in views]),
        "actions": actions,
        "rewards": _rewards(simulator, doors, actions),
        "optimal_reward": optimal_rewards(simulator, doors),
        "split": split_of_doors(config)[first:last],
        **{door_array(name): column for name, column in doors_to_arrays(doors).items()},
    }


def make_door(config: GenerationConfig, index: int) -> Door:
    """Door number `index` of the dataset."""
    return config.door_prior.sample(stream(config.seed, "door", index))


def joint_positions(config: GenerationConfig, index: int, door: Door) -> np.ndarray:
    """float32 (M,), rad or m: 0 for the first frame, uniform up to the limit for the others."""
    rng = stream(config.seed, "joint", index)
    positions = rng.uniform(0.0, door.opening_limit, config.frames)
    positions[0] = 0.0
    return positions.astype(np.float32)


def passive_views(config: GenerationConfig, index: int, door: Door) -> list[View]:
    """The M cameras of a door."""
    rng = stream(config.seed, "view", index)
    return config.door_prior.sample_views(rng, door, config.frames)


def passive_actions(config: GenerationConfig, index: int) -> np.ndarray:
    """float32 (J, 4): the actions on a door; see `sample_actions`."""
    slides = config.door_prior.sliding_probability
    rng = stream(config.seed, "action", index)
    return sample_actions(rng, (config.interactions,), config.action_mix, slides)


def _frames(
    config: GenerationConfig,
    simulator: Simulator,
    doors: list[Door],
    joint_position: np.ndarray,
    views: list[list[View]],
) -> dict[str, np.ndarray]:
    layers = RenderOptions(config.depth, config.segmentation, config.shadows)
    rendered = simulator.render(doors, joint_position, views, config.image_size, layers)
    found = {
        "images": rendered.images,
        "depth": rendered.depth,
        "segmentation": rendered.segmentation,
    }
    wanted = config.arrays()
    return {
        name: array.astype(wanted[name].dtype, copy=False)
        for name, array in found.items()
        if array is not None
    }


def _rewards(simulator: Simulator, doors: list[Door], actions: np.ndarray) -> np.ndarray:
    if actions.shape[1] == 0:
        return np.zeros(actions.shape[:2], dtype=np.float32)
    return simulator.interact(doors, actions).rewards
