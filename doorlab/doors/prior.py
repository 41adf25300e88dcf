"""A prior over doors, their appearance and cameras, as a plain dataclass of ranges.

Every parameter is a field. `(low, high)` is a uniform range in SI units; probabilities are named
so. `doorlab.doors.priors` defines the named priors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, cast

import numpy as np

from doorlab.doors.action import MAX_SLIDE, MAX_SWING, MAX_TURN, RADIUS_RANGE
from doorlab.doors.bounds import (
    COLOR,
    NUMBERS,
    POINT,
    check_name,
    checked_flag,
    checked_number,
    not_negative,
    positive,
)
from doorlab.doors.camera import View
from doorlab.doors.door import (
    CATEGORIES,
    Appearance,
    Color,
    Door,
    HandleType,
    HingeSide,
    Mechanism,
    PanelStyle,
    Swing,
    Texture,
)
from doorlab.errors import ConfigError

Range = tuple[float, float]

_PROBABILITY = not_negative(1.0)
_JITTER = not_negative()

# Appearance of all doors for priors with randomize_appearance=False.
DEFAULT_APPEARANCE = Appearance(
    panel_style="panelled",
    panel_texture="plain",
    wall_texture="plain",
    floor_texture="plain",
    panel_color=(0.55, 0.36, 0.2),
    handle_color=(0.75, 0.75, 0.72),
    frame_color=(0.9, 0.9, 0.88),
    wall_color=(0.62, 0.7, 0.74),
    floor_color=(0.45, 0.42, 0.4),
    room_color=(0.2, 0.2, 0.22),
    light_direction=(0.3, -0.8, 0.5196152422706632),
    light_strength=0.45,
)


@dataclass(frozen=True)
class DoorPrior:
    """A distribution over doors, their appearance, and camera poses (domain randomization).

    Raises ConfigError for ranges and names with which some door could not be built, and for doors
    that no action could open completely.
    """

    sliding_probability: float = 0.0
    hinge_right_probability: float = 0.5
    pull_probability: float = 0.5
    width: Range = (0.65, 1.05)  # m
    height: Range = (1.8, 2.2)  # m
    thickness: Range = (0.035, 0.05)  # m
    place: Range = (-0.3, 0.3)  # m
    opening_limit: Range = (1.2, 1.8)  # rad, of a hinged door
    sliding_limit: Range = (0.7, 0.95)  # of a sliding door, as a fraction of its width
    handle_types: tuple[HandleType, ...] = ("lever", "knob", "bar")
    handle_height: Range = (0.85, 1.2)  # m
    backset: Range = (0.05, 0.09)  # m
    handle_length: Range = (0.11, 0.16)  # m
    latch_probability: float = 0.75  # of a lever or a knob; a bar never has a latch
    latch_angle: Range = (0.2, 0.7)  # rad
    locked_probability: float = 0.0
    mass: Range = (12.0, 30.0)  # kg
    hinge_friction: Range = (0.2, 4.0)  # N m
    hinge_damping: Range = (0.5, 4.0)  # N m s / rad
    sticking_probability: float = 0.25
    stiction: Range = (5.0, 20.0)  # N m
    closer_probability: float = 0.5
    closer_stiffness: Range = (1.0, 8.0)  # N m / rad
    panel_styles: tuple[PanelStyle, ...] = ("plain", "panelled", "glazed")
    panel_textures: tuple[Texture, ...] = ("plain", "wood", "planks")
    wall_textures: tuple[Texture, ...] = ("plain", "plaster", "brick")
    floor_textures: tuple[Texture, ...] = ("plain", "tiles", "carpet")
    brightness: Range = (0.15, 0.95)  # of every color channel of painted surfaces
    randomize_appearance: bool = True  # False: the same appearance for all doors
    light_tilt: Range = (0.2, 0.9)  # rad, elevation above the normal of the wall
    light_turn: Range = (-0.9, 0.9)  # rad, azimuth to either side
    light_strength: Range = (0.25, 0.55)
    camera_distance: Range = (2.9, 3.2)  # m from the wall
    camera_height: Range = (1.4, 1.6)  # m
    camera_jitter: float = 0.05  # m, of the eye and of the target, to either side
    field_of_view: Range = (0.74, 0.78)  # rad, vertical
    camera_motion: float = 1.0  # between the frames of a door: 0 none, 1 independent poses

    def __post_init__(self) -> None:
        for field in fields(self):
            name, value = field.name, getattr(self, field.name)
            if name.endswith("_probability") or name == "camera_motion":
                checked = checked_number("a prior", name, value, _PROBABILITY)
            elif name == "camera_jitter":
                checked = checked_number("a prior", name, value, _JITTER) + 0.0  # 0.0 for -0.0
            elif name == "randomize_appearance":
                checked = checked_flag("a prior", name, value)
            elif name in CHOICES:
                checked = _checked_choices(name, value)
            else:
                checked = _checked_range(name, value)
            object.__setattr__(self, name, checked)
        self._check_reach()
        if self.handle_height[1] >= self.height[0]:
            raise ConfigError(
                f"handle_height of a prior to be below its lowest height of {self.height[0]:.4g} m",
                f"up to {self.handle_height[1]}",
                "change handle_height or height",
            )

    def _check_reach(self) -> None:
        """Checks that actions can reach the handle's true arc, full opening and the latch angle."""
        low, high = self.width[0] - self.backset[1], self.width[1] - self.backset[0]
        if high > RADIUS_RANGE[1] or low < RADIUS_RANGE[0]:
            raise ConfigError(
                f"handles within {RADIUS_RANGE} m of the hinge, the range of actions",
                f"{low:.2f} to {high:.2f} m",
                "change width or backset",
            )
        if self.opening_limit[1] >= MAX_SWING or self.latch_angle[1] >= MAX_TURN:
            raise ConfigError(
                f"opening_limit < {MAX_SWING} rad, latch_angle < {MAX_TURN} rad, limits of actions",
                f"{self.opening_limit[1]} and {self.latch_angle[1]}",
                "reduce the upper ends",
            )
        way = self.sliding_limit[1] * self.width[1]
        if way >= MAX_SLIDE:
            raise ConfigError(
                f"doors that slide by less than {MAX_SLIDE} m, the limit of actions",
                f"{way:.2f} m",
                "reduce sliding_limit or width",
            )

    def sample(self, rng: np.random.Generator) -> Door:
        """Samples one door. Equal generator states give equal doors."""

        def draw(bounds: Range) -> float:
            return float(rng.uniform(*bounds))

        def happens(probability: float) -> bool:
            return bool(rng.random() < probability)

        # All numbers are sampled, used or not, so that changing one field does not affect others.
        handle_type = self.handle_types[rng.integers(len(self.handle_types))]
        latched = happens(self.latch_probability) and handle_type != "bar"
        slides, sticks = happens(self.sliding_probability), happens(self.sticking_probability)
        closes, width = happens(self.closer_probability), draw(self.width)
        angle, way = draw(self.opening_limit), draw(self.sliding_limit) * width
        latch_angle, closer = draw(self.latch_angle), draw(self.closer_stiffness)
        stiction, appearance = draw(self.stiction), self._sample_appearance(rng)
        return Door(
            mechanism=cast(Mechanism, "sliding" if slides else "hinged"),
            hinge_side=cast(
                HingeSide, "right" if happens(self.hinge_right_probability) else "left"
            ),
            swing=cast(Swing, "pull" if happens(self.pull_probability) else "push"),
            width=width,
            height=draw(self.height),
            thickness=draw(self.thickness),
            place=draw(self.place),
            opening_limit=way if slides else angle,
            handle_type=handle_type,
            handle_height=draw(self.handle_height),
            backset=draw(self.backset),
            handle_length=draw(self.handle_length),
            latch_angle=latch_angle if latched else 0.0,
            latch_direction=1 if happens(0.5) else -1,
            locked=happens(self.locked_probability),
            mass=draw(self.mass),
            hinge_friction=draw(self.hinge_friction),
            hinge_damping=draw(self.hinge_damping),
            stiction=stiction if sticks else 0.0,
            closer_stiffness=closer if closes else 0.0,
            appearance=appearance if self.randomize_appearance else DEFAULT_APPEARANCE,
        )

    def sample_views(self, rng: np.random.Generator, door: Door, frames: int) -> list[View]:
        """Samples the camera poses of the frames of one door.

        The pose of a frame is (1 - camera_motion) times the door's own pose plus camera_motion
        times a new pose from the ranges of the prior. The door's own pose is that of the first
        frame.
        """
        views = [self.sample_view(rng, door) for _ in range(frames)]
        if self.camera_motion == 1.0:
            return views
        poses = moved_poses(np.array([view.to_array() for view in views]), self.camera_motion)
        return [View.from_array(pose) for pose in poses]

    def sample_view(self, rng: np.random.Generator, door: Door) -> View:
        """Samples a camera pose in front of the middle of the wall, with some jitter."""

        def jitter() -> float:
            return float(rng.uniform(-self.camera_jitter, self.camera_jitter))

        x = -door.place  # the middle of the wall, in the frame of the opening
        eye = (
            x + jitter(),
            -float(rng.uniform(*self.camera_distance)),
            float(rng.uniform(*self.camera_height)),
        )
        target = (x + jitter(), 0.0, 1.05 + jitter())
        return View(eye, target, float(rng.uniform(*self.field_of_view)))

    def _sample_appearance(self, rng: np.random.Generator) -> Appearance:
        def paint() -> Color:
            red, green, blue = rng.uniform(*self.brightness, size=3)
            return (float(red), float(green), float(blue))

        def shade(low: float, high: float, tint: float) -> Color:
            red, green, blue = rng.uniform(low, high) + rng.uniform(-tint, tint, size=3)
            return (float(red), float(green), float(blue))

        tilt, turn = rng.uniform(*self.light_tilt), rng.uniform(*self.light_turn)
        return Appearance(
            panel_style=self.panel_styles[rng.integers(len(self.panel_styles))],
            panel_texture=self.panel_textures[rng.integers(len(self.panel_textures))],
            wall_texture=self.wall_textures[rng.integers(len(self.wall_textures))],
            floor_texture=self.floor_textures[rng.integers(len(self.floor_textures))],
            panel_color=paint(),
            handle_color=shade(0.1, 0.9, 0.1),
            frame_color=paint(),
            wall_color=paint(),
            floor_color=shade(0.2, 0.7, 0.15),
            room_color=shade(0.1, 0.35, 0.1),
            light_direction=(
                float(math.cos(tilt) * math.sin(turn)),
                float(-math.cos(tilt) * math.cos(turn)),
                float(math.sin(tilt)),
            ),
            light_strength=float(rng.uniform(*self.light_strength)),
        )


def moved_poses(poses: np.ndarray, motion: float) -> np.ndarray:
    """Camera poses of the frames of doors, from independent poses.

    Args:
        poses: (..., M, 7), as in `View.to_array`, M frames per door.
        motion: `DoorPrior.camera_motion`.
    """
    return (1.0 - motion) * poses[..., :1, :] + motion * poses


# Bounds of ranges that are not numbers of a door in `NUMBERS`.
_RANGES = {
    "sliding_limit": positive(),
    "brightness": COLOR,
    "light_tilt": POINT,
    "light_turn": POINT,
    "camera_distance": positive(),
    "camera_height": positive(),
}
# The names that a field of several of them may have.
CHOICES = {
    "handle_types": CATEGORIES["handle_type"],
    "panel_styles": CATEGORIES["appearance.panel_style"],
    "panel_textures": CATEGORIES["appearance.panel_texture"],
    "wall_textures": CATEGORIES["appearance.wall_texture"],
    "floor_textures": CATEGORIES["appearance.floor_texture"],
}


def _checked_range(name: str, value: Any) -> Range:
    """The range as a pair of Python floats. Raises ConfigError if invalid or out of bounds."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise ConfigError(f"{name} of a prior to be (low, high)", f"{value!r}", "pass two numbers")
    bounds = _RANGES[name] if name in _RANGES else NUMBERS[name]
    low, high = (checked_number("a prior", name, end, bounds) for end in value)
    if low > high:
        raise ConfigError(f"low <= high in {name} of a prior", f"{value}", "swap the two")
    return low + 0.0, high + 0.0  # 0.0 for -0.0: NumPy refuses to sample from (0.0, -0.0)


def _checked_choices(name: str, value: Any) -> tuple[str, ...]:
    """The names as a tuple. Raises ConfigError for an empty tuple or an unknown name."""
    if not isinstance(value, tuple | list) or not value:
        raise ConfigError(
            f"{name} of a prior to be one or more of {', '.join(CHOICES[name])}",
            f"{value!r}",
            "pass at least one",
        )
    for choice in value:
        check_name("a prior", name, choice, CHOICES[name])
    return tuple(value)
