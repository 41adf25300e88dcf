import importlib
import inspect
import pkgutil
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest

import doorlab
from doorlab.bandit.policies import ModelConfig
from doorlab.data.sources.importing import ImportConfig
from doorlab.errors import ConfigError
from doorlab.limits import (
    Limits,
    PositiveFloat,
    PositiveInt,
    Share,
    at_least,
    check_limits,
    from_to,
)
from doorlab.models.architecture import Architecture

NAN, INFINITY = float("nan"), float("inf")
SHARE, NOT_NEGATIVE, POSITIVE, FINITE = Limits(0, 1), Limits(0), Limits(positive=True), Limits()


@pytest.mark.parametrize(
    ("limits", "inside", "outside"),
    [
        (at_least(1), (1, 10**30, np.int64(3)), (0, 1.0, True, "1", None, NAN, INFINITY)),
        (from_to(2, 4), (2, 4), (1, 5, 3.0)),
        (SHARE, (0, 1, 0.5, np.float32(0.5)), (-0.1, 1.1, NAN, False)),
        (NOT_NEGATIVE, (0, 0.0, 1e300), (-1e-9, INFINITY, NAN)),
        (POSITIVE, (1e-9, 2), (0, 0.0, -1.0, INFINITY, NAN)),
        (FINITE, (-1e300, 0), (INFINITY, -INFINITY, NAN, "x", [1])),
    ],
)
def test_limits_admit_values_inside(limits, inside, outside):
    assert all(limits.admits(value) for value in inside)
    assert not any(limits.admits(value) for value in outside)


def test_limits_are_described_in_words():
    assert str(at_least(1)) == "a whole number of 1 or more"
    assert str(from_to(0, 2**63 - 1)) == "a whole number from 0 to 9223372036854775807"
    assert str(SHARE) == "a number from 0 to 1"
    assert str(NOT_NEGATIVE) == "a finite number of 0 or more"
    assert str(POSITIVE) == "a finite number above 0"
    assert str(FINITE) == "a finite number"


@dataclass(frozen=True)
class Settings:
    batch_size: PositiveInt = 4
    rates: tuple[PositiveFloat, ...] = (0.1, 0.2)
    name: str = "any"

    def __post_init__(self) -> None:
        check_limits(self)


def test_setting_may_be_none_where_its_annotation_says_so():
    @dataclass
    class Config:
        either: Annotated[Share | None, "help"] = None
        always: Share = 0.5

    check_limits(Config(None, 0.1))
    for wrong in (Config(2.0, 0.1), Config(None, None)):
        with pytest.raises(ConfigError, match="as a number from 0 to 1"):
            check_limits(wrong)


def test_limits_name_option_of_invalid_setting():
    Settings()
    words = r"--batch-size as a whole number of 1 or more, but got 0. Correct --batch-size"
    with pytest.raises(ConfigError, match=words):
        Settings(batch_size=0)
    with pytest.raises(ConfigError, match=r"--rates as a finite number above 0, but got nan"):
        Settings(rates=(0.1, NAN))
    with pytest.raises(ConfigError, match=r"kappa as a finite number, but got inf. Correct kappa"):
        ModelConfig(kappa=INFINITY)
    with pytest.raises(
        ConfigError, match=r"--architecture\.likelihood-std as a finite number of 0"
    ):
        Architecture(likelihood_std=-0.1)


def configs() -> list[type]:
    """Every class of settings."""
    found = []
    for module in pkgutil.walk_packages(doorlab.__path__, "doorlab."):
        if module.name.rpartition(".")[2] in ("__main__", "launching_ray"):
            continue
        for kind in vars(importlib.import_module(module.name)).values():
            own = inspect.isclass(kind) and kind.__module__ == module.name
            if own and is_dataclass(kind) and "__post_init__" in dir(kind):
                found.append(kind)
    return [kind for kind in found if kind.__name__.endswith(SETTINGS)]


SETTINGS = ("Config", "Settings", "ExplorationConfig", "Architecture")


@pytest.mark.parametrize("kind", configs(), ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_every_config_rejects_non_finite_numbers(kind):
    """Also in tuples of numbers."""
    needed = {f.name: Path("x") for f in fields(kind) if f.default is f.default_factory}
    needed |= {"source": "x", "names": ("a",)} if issubclass(kind, ImportConfig) else {}
    usual = kind(**needed)
    for field in fields(kind):
        value = getattr(usual, field.name)
        several = isinstance(value, tuple) and "str" not in field.type and "Path" not in field.type
        number = next(iter(value), 1) if several else value
        if isinstance(number, bool) or not isinstance(number, int | float):
            continue
        for bad in (-(10**30),) if isinstance(number, int) else (NAN, INFINITY, -INFINITY):
            with pytest.raises(ConfigError):
                kind(**needed, **{field.name: (bad,) * max(1, len(value)) if several else bad})
