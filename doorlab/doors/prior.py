"""The prior over doors: a plain dataclass of ranges, and the named priors.

Every knob is a field. `(low, high)` is a uniform range in SI units; probabilities say so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import cast

import numpy as np

from doorlab.doors.action import MAX_SWING, MAX_TURN, RADIUS_RANGE
from doorlab.doors.door import Appearance, Color, Door, HandleType, HingeSide, PanelStyle, Swing
from doorlab.doors.view import View
from doorlab.errors import ConfigError, unknown_name

Range = tuple[float, float]


@dataclass(frozen=True)
class DoorPrior:
    """A distribution over doors, their looks, and the cameras that film them."""

    hinge_right_probability: float = 0.5
    pull_probability: float = 0.5
    width: Range = (0.65, 1.05)  # m
    height: Range = (1.8, 2.2)  # m
    thickness: Range = (0.035, 0.05)  # m
    place: Range = (-0.3, 0.3)  # m
    opening_limit: Range = (1.2, 1.8)  # rad
    handle_types: tuple[HandleType, ...] = ("lever", "knob", "bar")
    handle_height: Range = (0.85, 1.2)  # m
    backset: Range = (0.05, 0.09)  # m
    handle_length: Range = (0.11, 0.16)  # m
    latch_probability: float = 0.75  # of a lever or a knob; a bar never works a latch
    latch_turn: Range = (0.2, 0.7)  # rad
    mass: Range = (12.0, 30.0)  # kg
    hinge_friction: Range = (0.2, 4.0)  # N m
    hinge_damping: Range = (0.5, 4.0)  # N m s / rad
    closer_probability: float = 0.5
    closer_stiffness: Range = (1.0, 8.0)  # N m / rad
    panel_styles: tuple[PanelStyle, ...] = ("plain", "panelled", "glazed")
    brightness: Range = (0.15, 0.95)  # of every colour channel of painted things
    varies_appearance: bool = True  # False: one look for all doors
    light_tilt: Range = (0.2, 0.9)  # rad, from straight ahead of the wall upwards
    light_turn: Range = (-0.9, 0.9)  # rad, to either side
    light_strength: Range = (0.25, 0.55)
    camera_distance: Range = (2.9, 3.2)  # m from the wall
    camera_height: Range = (1.4, 1.6)  # m
    camera_jitter: float = 0.05  # m, of the eye and of the point looked at, to either side
    field_of_view: Range = (0.74, 0.78)  # rad, vertical

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_probability") and not 0 <= value <= 1:
                raise ConfigError(f"{field.name} in [0, 1]", f"{value}", "correct the prior")
            if field.type == "Range" and not value[0] <= value[1]:
                raise ConfigError(f"{field.name} as (low, high)", f"{value}", "swap the two")
        reach = self.width[1] - self.backset[0], self.width[0] - self.backset[1]
        if reach[0] > RADIUS_RANGE[1] or reach[1] < RADIUS_RANGE[0]:
            raise ConfigError(
                f"handles within {RADIUS_RANGE} m of the hinge, as actions are",
                f"{reach[1]:.2f} to {reach[0]:.2f} m",
                "change width or backset",
            )
        if self.opening_limit[1] >= MAX_SWING or self.latch_turn[1] >= MAX_TURN:
            raise ConfigError(
                f"opening_limit < {MAX_SWING} rad and latch_turn < {MAX_TURN} rad, as actions are",
                f"{self.opening_limit[1]} and {self.latch_turn[1]}",
                "lower the upper ends",
            )

    def sample(self, rng: np.random.Generator) -> Door:
        """One door. The same generator state gives the same door."""

        def draw(bounds: Range) -> float:
            return float(rng.uniform(*bounds))

        handle_type = self.handle_types[rng.integers(len(self.handle_types))]
        latched = rng.random() < self.latch_probability and handle_type != "bar"
        closes = rng.random() < self.closer_probability
        # Every number is drawn whether it is used or not, so that knobs do not shift one another.
        latch_turn, closer_stiffness = draw(self.latch_turn), draw(self.closer_stiffness)
        return Door(
            hinge_side=cast(HingeSide, _pick(rng, self.hinge_right_probability, "right", "left")),
            swing=cast(Swing, _pick(rng, self.pull_probability, "pull", "push")),
            width=draw(self.width),
            height=draw(self.height),
            thickness=draw(self.thickness),
            place=draw(self.place),
            opening_limit=draw(self.opening_limit),
            handle_type=handle_type,
            handle_height=draw(self.handle_height),
            backset=draw(self.backset),
            handle_length=draw(self.handle_length),
            latch_turn=latch_turn if latched else 0.0,
            latch_direction=1 if rng.random() < 0.5 else -1,
            mass=draw(self.mass),
            hinge_friction=draw(self.hinge_friction),
            hinge_damping=draw(self.hinge_damping),
            closer_stiffness=closer_stiffness if closes else 0.0,
            appearance=self._sample_appearance(rng) if self.varies_appearance else PLAIN_LOOK,
        )

    def sample_view(self, rng: np.random.Generator, door: Door) -> View:
        """Where a robot before the middle of the wall holds its camera, with some jitter."""

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


PLAIN_LOOK = Appearance(
    panel_style="panelled",
    panel_color=(0.55, 0.36, 0.2),
    handle_color=(0.75, 0.75, 0.72),
    frame_color=(0.9, 0.9, 0.88),
    wall_color=(0.62, 0.7, 0.74),
    floor_color=(0.45, 0.42, 0.4),
    room_color=(0.2, 0.2, 0.22),
    light_direction=(0.3, -0.8, 0.5196152422706632),
    light_strength=0.45,
)

PRIORS: dict[str, DoorPrior] = {
    "default": DoorPrior(),
    "narrow": replace(DoorPrior(), varies_appearance=False),  # one look for all, as in the papers
}


def get_prior(name: str) -> DoorPrior:
    """The named prior. Raises ConfigError, with the valid names, for any other."""
    if name not in PRIORS:
        raise unknown_name("prior", name, PRIORS)
    return PRIORS[name]


def _pick(rng: np.random.Generator, probability: float, yes: str, no: str) -> str:
    return yes if rng.random() < probability else no
