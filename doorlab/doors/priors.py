"""The named priors over doors."""

from __future__ import annotations

from dataclasses import replace

from doorlab.doors.prior import DoorPrior
from doorlab.errors import unknown_name

_DEFAULT = DoorPrior()
DEFAULT_PRIOR = "narrow"  # of datasets, environments, commands and examples alike

PRIORS: dict[str, DoorPrior] = {
    "default": _DEFAULT,
    # One appearance for all doors and one camera per door, as in the papers.
    "narrow": replace(_DEFAULT, randomize_appearance=False, camera_motion=0.0),
    "narrow_moving": replace(_DEFAULT, randomize_appearance=False),
    # Out of distribution: sizes, textures and mechanisms that `default` never shows.
    "wild": replace(
        _DEFAULT,
        sliding_probability=0.3,
        width=(1.06, 1.25),
        height=(2.22, 2.5),
        sliding_limit=(0.55, 0.8),
        handle_height=(1.22, 1.4),
        locked_probability=0.05,
        mass=(30.0, 34.0),
        hinge_friction=(4.0, 6.0),
        sticking_probability=0.6,
        stiction=(20.0, 25.0),
        panel_textures=("marble", "stripes"),
        wall_textures=("tiles", "stripes", "wood"),
        floor_textures=("planks", "marble"),
        camera_distance=(2.4, 3.9),
        camera_height=(1.1, 1.8),
        camera_jitter=0.15,
    ),
}


def get_prior(name: str) -> DoorPrior:
    """The named prior. Raises ConfigError, with the valid names, for any other."""
    if not isinstance(name, str) or name not in PRIORS:
        raise unknown_name("prior", name, PRIORS)
    return PRIORS[name]
