"""A door as frozen parameters, in SI units (meters, radians, kilograms, newtons, seconds).

World frame: x along the wall, to the right from the robot's viewpoint; y away from the robot; z up;
origin on the floor below the middle of the opening. The robot stands at y < 0.

Visible parameters can be inferred from images. Hidden parameters (latch, lock, mass, friction,
damping, sticking, closer) do not affect still images; they can only be inferred from interactions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal, get_args

from doorlab.doors.bounds import (
    COLOR,
    NUMBERS,
    POINT,
    check_name,
    checked_flag,
    store_numbers,
    store_vectors,
)
from doorlab.errors import ConfigError
from doorlab.limits import Limits

Mechanism = Literal["hinged", "sliding"]
HingeSide = Literal["left", "right"]
Swing = Literal["pull", "push"]
HandleType = Literal["lever", "knob", "bar"]
PanelStyle = Literal["plain", "panelled", "glazed"]
Texture = Literal[
    "plain", "wood", "planks", "plaster", "brick", "tiles", "carpet", "marble", "stripes"
]
Color = tuple[float, float, float]

# Integer codes of categorical fields in arrays and on disk: the index in the tuple.
_TEXTURES: tuple[str, ...] = get_args(Texture)
CATEGORIES: dict[str, tuple[str, ...]] = {
    "mechanism": ("hinged", "sliding"),
    "hinge_side": ("left", "right"),
    "swing": ("pull", "push"),
    "handle_type": ("lever", "knob", "bar"),
    "appearance.panel_style": ("plain", "panelled", "glazed"),
    "appearance.panel_texture": _TEXTURES,
    "appearance.wall_texture": _TEXTURES,
    "appearance.floor_texture": _TEXTURES,
}

_DOOR_NAMES = ("mechanism", "hinge_side", "swing", "handle_type")
_LOOK_NAMES = ("panel_style", "panel_texture", "wall_texture", "floor_texture")

HIDDEN_FIELDS = (
    "latch_angle",
    "latch_direction",
    "locked",
    "mass",
    "hinge_friction",
    "hinge_damping",
    "stiction",
    "closer_stiffness",
)


_PAINTED = ("panel_color", "handle_color", "frame_color", "wall_color", "floor_color", "room_color")
_COLORS: dict[str, Limits] = dict.fromkeys(_PAINTED, COLOR)
_LOOK_NUMBERS = {"light_strength": NUMBERS["light_strength"]}
_UNIT_TOLERANCE = 1e-3  # of the length of a unit vector


@dataclass(frozen=True)
class Appearance:
    """Appearance of a door and its room. Colors are linear RGB in [0, 1]; textures tint them.

    Raises ConfigError for values that no simulator can render.
    """

    panel_style: PanelStyle
    panel_texture: Texture
    wall_texture: Texture
    floor_texture: Texture
    panel_color: Color
    handle_color: Color
    frame_color: Color
    wall_color: Color
    floor_color: Color
    room_color: Color
    light_direction: Color  # unit vector from the scene towards the light
    light_strength: float  # fraction of diffuse light; the rest is ambient

    def __post_init__(self) -> None:
        owner = "a door's appearance"
        for name in _LOOK_NAMES:
            check_name(owner, name, getattr(self, name), CATEGORIES[f"appearance.{name}"])
        store_numbers(owner, self, _LOOK_NUMBERS)
        store_vectors(owner, self, _COLORS)
        store_vectors(owner, self, {"light_direction": POINT})
        length = math.hypot(*self.light_direction)
        if abs(length - 1.0) > _UNIT_TOLERANCE:
            raise ConfigError(
                f"light_direction of {owner} to have the length 1",
                f"{length:.4g}",
                "divide it by its length",
            )


@dataclass(frozen=True)
class Door:
    """One hinged or sliding door.

    The *joint position* is the opening angle (rad) of a hinged door, or the distance (m) that a
    sliding door has moved: 0 when closed, at most `opening_limit`, for any hinge side and swing.
    *Pull* doors open towards the robot, *push* doors away from it; a sliding door slides on that
    face of the wall. For a sliding door the units of the dynamics lack the radian: friction and
    stiction in N, damping in N s / m, closer in N / m.

    Raises ConfigError for values that no simulator can build.
    """

    mechanism: Mechanism
    hinge_side: HingeSide  # from the robot's viewpoint: side of the hinge, or of the slide
    swing: Swing
    width: float  # m
    height: float  # m
    thickness: float  # m
    place: float  # m, x of the opening's middle relative to the middle of the wall
    opening_limit: float  # rad; m if it slides
    handle_type: HandleType
    handle_height: float  # m above the floor
    backset: float  # m, from the latch edge of the panel to the handle's axis
    handle_length: float  # m
    latch_angle: float  # rad, handle rotation that releases the latch; 0: no latch
    latch_direction: int  # +1: clockwise from the robot's viewpoint, -1: counterclockwise; hidden
    locked: bool  # no action opens a locked door
    mass: float  # kg
    hinge_friction: float  # N m, Coulomb
    hinge_damping: float  # N m s / rad
    stiction: float  # N m, additional friction while the panel is still in its frame
    closer_stiffness: float  # N m / rad, torque that closes the door; 0: no closer
    appearance: Appearance

    def __post_init__(self) -> None:
        for name in _DOOR_NAMES:
            check_name("a door", name, getattr(self, name), CATEGORIES[name])
        store_numbers("a door", self, _DOOR_NUMBERS)
        if not isinstance(self.appearance, Appearance):
            raise ConfigError(
                "appearance of a door to be an Appearance", f"{self.appearance!r}", "create one"
            )
        self._store_latch()
        self._check_fit()

    def _store_latch(self) -> None:
        """Checks fields that are neither a number with a unit nor a name."""
        object.__setattr__(self, "locked", checked_flag("a door", "locked", self.locked))
        if self.latch_direction not in (-1, 1):
            raise ConfigError(
                "latch_direction of a door to be 1 (clockwise) or -1",
                f"{self.latch_direction!r}",
                "correct latch_direction",
            )
        if type(self.latch_direction) is not int:
            object.__setattr__(self, "latch_direction", int(self.latch_direction))

    def _check_fit(self) -> None:
        """Raises ConfigError for numbers that are valid individually, but not in combination."""
        if self.backset >= self.width:
            raise ConfigError(
                f"backset of a door to be below its width of {self.width:.4g} m",
                f"{self.backset}",
                "correct backset or width",
            )
        if self.handle_height >= self.height:
            raise ConfigError(
                f"handle_height of a door to be below its height of {self.height:.4g} m",
                f"{self.handle_height}",
                "correct handle_height or height",
            )
        if self.mechanism == "hinged" and self.opening_limit > math.pi:
            raise ConfigError(
                "opening_limit of a hinged door to be at most pi, where the wall stops it",
                f"{self.opening_limit}",
                "pass it in radians",
            )

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
    def joint_inertia(self) -> float:
        """Inertia about the hinge, kg m^2; for a sliding door its mass, kg.

        The panel is a uniform plate, offset from the hinge axis by half of its thickness.
        """
        if self.mechanism == "sliding":
            return self.mass
        return self.mass * (self.width**2 + self.thickness**2) / 3


_DOOR_NUMBERS = {f.name: NUMBERS[f.name] for f in fields(Door) if f.name in NUMBERS}
FIELDS: tuple[str, ...] = tuple(
    [f.name for f in fields(Door) if f.name != "appearance"]
    + [f"appearance.{f.name}" for f in fields(Appearance)]
)
