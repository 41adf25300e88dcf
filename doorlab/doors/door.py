"""A door as frozen parameters, in SI units (metres, radians, kilograms, newtons, seconds).

World frame: x along the wall, to the right as the robot sees it; y away from the robot; z up;
origin on the floor below the middle of the opening. The robot stands at y < 0.

Visible parameters can be told from pictures, so looking pays. Hidden parameters (latch
direction, mass, friction, damping, closer) leave no trace in a still picture, so trying pays.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

HingeSide = Literal["left", "right"]
Swing = Literal["pull", "push"]
HandleType = Literal["lever", "knob", "bar"]
PanelStyle = Literal["plain", "panelled", "glazed"]
Color = tuple[float, float, float]

# How categorical fields are coded as integers in arrays and on disk: the index in the tuple.
CATEGORIES: dict[str, tuple[str, ...]] = {
    "hinge_side": ("left", "right"),
    "swing": ("pull", "push"),
    "handle_type": ("lever", "knob", "bar"),
    "appearance.panel_style": ("plain", "panelled", "glazed"),
}

HIDDEN_FIELDS = (
    "latch_turn",
    "latch_direction",
    "mass",
    "hinge_friction",
    "hinge_damping",
    "closer_stiffness",
)


@dataclass(frozen=True)
class Appearance:
    """How a door and the room around it look. Colours are linear RGB in [0, 1]."""

    panel_style: PanelStyle
    panel_color: Color
    handle_color: Color
    frame_color: Color
    wall_color: Color
    floor_color: Color
    room_color: Color
    light_direction: Color  # unit vector from the scene towards the light
    light_strength: float  # share of diffuse light; the rest is ambient


@dataclass(frozen=True)
class Door:
    """One hinged door.

    The *joint position* is the opening angle, 0 when shut, at most `opening_limit`, whatever
    the side and the swing. *Pull* doors open towards the robot, *push* doors away from it.
    """

    hinge_side: HingeSide  # as the robot sees it: the door's handedness
    swing: Swing
    width: float  # m
    height: float  # m
    thickness: float  # m
    place: float  # m, x of the opening's middle relative to the middle of the wall
    opening_limit: float  # rad
    handle_type: HandleType
    handle_height: float  # m above the floor
    backset: float  # m, from the latch edge of the panel to the handle's axis
    handle_length: float  # m
    latch_turn: float  # rad that the handle must be turned before the door moves; 0: no latch
    latch_direction: int  # +1: clockwise as the robot sees it, -1: anticlockwise; hidden
    mass: float  # kg
    hinge_friction: float  # N m, Coulomb
    hinge_damping: float  # N m s / rad
    closer_stiffness: float  # N m / rad, towards shut; 0: no closer
    appearance: Appearance

    @property
    def handle_radius(self) -> float:
        """Distance from the hinge axis to the handle's axis, m."""
        return self.width - self.backset

    @property
    def side_sign(self) -> float:
        """+1 when the hinge is to the right of the handle, -1 when it is to the left."""
        return 1.0 if self.hinge_side == "right" else -1.0

    @property
    def swing_sign(self) -> float:
        """+1 for a pull door (it opens towards the robot), -1 for a push door."""
        return 1.0 if self.swing == "pull" else -1.0

    @property
    def hinge_inertia(self) -> float:
        """Moment of inertia of the uniform panel about the hinge axis, kg m^2."""
        return self.mass * (self.width**2 / 3 + self.thickness**2 / 12)


FIELDS: tuple[str, ...] = tuple(
    [f.name for f in fields(Door) if f.name != "appearance"]
    + [f"appearance.{f.name}" for f in fields(Appearance)]
)
