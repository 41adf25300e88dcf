"""Named priors over doors, and priors from other packages and files.

The prior of a command or a config is one of

    a name                  narrow; an entry point of the group "doorlab.priors"
    an import path          barn_doors:PRIOR, a DoorPrior
    a JSON file of ranges   barn_doors.json

The file holds an object. Its keys are fields of DoorPrior, with ranges and choices as arrays; the
key "base" is the prior (a name or an import path) that the other fields come from:

    {"base": "narrow", "width": [0.9, 1.05], "handle_types": ["bar"]}
"""

from __future__ import annotations

import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from doorlab.doors.prior import CHOICES, DoorPrior
from doorlab.errors import ConfigError, unknown_name
from doorlab.limits import Limits
from doorlab.registry import Registry
from doorlab.serialization import to_json
from doorlab.storage.files import read_json
from doorlab.storage.json_schema import OneOf, misfit

_NUMBER = Limits(-1e9, 1e9)  # of a file
_DEFAULT = DoorPrior()
DEFAULT_PRIOR = "narrow"  # default of datasets, environments, commands and examples

_NAMED: dict[str, DoorPrior] = {
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


def _is_prior(found: object) -> bool:
    """Whether an object is a DoorPrior and of no derived class.

    Datasets record the ranges of a prior, and batched sampling draws from them. Neither knows
    methods that a derived class overrides.
    """
    return type(found) is DoorPrior


PRIORS: Registry[DoorPrior] = Registry(
    "prior", "doorlab.priors", _NAMED, _is_prior, "a DoorPrior (of no derived class)"
)


def get_prior(name: object) -> DoorPrior:
    """The prior with a name, an import path, or the path of a JSON file.

    Raises ConfigError for an unknown name, a module or file that cannot be read, an object that is
    no DoorPrior, and ranges that DoorPrior refuses.
    """
    if isinstance(name, str) and _is_file(name):
        return _read_prior(name)
    return PRIORS.get_named(name)


def recorded_ranges(name: str, prior: DoorPrior) -> dict[str, Any] | None:
    """The fields of a prior as plain JSON values, for files whose readers may lack the prior.

    Args:
        name: of the prior, as `get_prior` takes it.
        prior: what `get_prior` returned for the name.

    Returns:
        None for the priors that doorlab itself names.
    """
    return None if name in _NAMED else to_json(prior)


def prior_label(name: str) -> str:
    """The name of a prior in paths and result files: letters, digits and _ . + - only.

    The label of an import path has a dot in place of the colon. The label of a JSON file is the
    file's name without folder and ending.
    """
    label = Path(name).stem if _is_file(name) else name.replace(":", ".")
    return re.sub(r"[^\w.+-]", "_", label).lstrip(".") or "prior"


def _is_file(name: object) -> bool:
    return isinstance(name, str) and name.endswith(".json")


def _read_prior(path: str) -> DoorPrior:
    ranges = read_json(path, ConfigError, "write the ranges of a prior there")
    schemas = {field.name: _schema_of(field.name, field.default) for field in fields(DoorPrior)}
    schemas["base"] = str
    try:
        unknown = sorted(ranges.keys() - schemas.keys())
        if unknown:
            raise unknown_name("field of a prior", unknown[0], schemas)
        wrong = misfit(ranges, {f"{name}?": schema for name, schema in schemas.items()})
        if wrong:
            raise ConfigError("the ranges of a prior", wrong, "correct the file")
        base = PRIORS.get_named(ranges.pop("base", "default"))
        return replace(base, **{name: _plain(value) for name, value in ranges.items()})
    except ConfigError as error:
        raise ConfigError(f"{error.expected}, in {path}", error.got, error.fix) from None


def _schema_of(name: str, default: object) -> Any:
    """The JSON schema of a field of DoorPrior, which itself checks the values further."""
    if name in CHOICES:
        return [OneOf(*CHOICES[name])]
    if isinstance(default, bool):
        return bool
    return (_NUMBER, _NUMBER) if isinstance(default, tuple) else _NUMBER


def _plain(value: Any) -> Any:
    """A JSON value as fields of DoorPrior hold it: arrays as tuples, numbers as floats."""
    if isinstance(value, list):
        return tuple(map(_plain, value))
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
