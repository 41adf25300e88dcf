from dataclasses import dataclass

import numpy as np
import pytest

from doorlab.errors import ConfigError
from doorlab.limits import FINITE, NOT_NEGATIVE, POSITIVE, SHARE, at_least, check_limits, from_to

NAN, INFINITY = float("nan"), float("inf")


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
def test_what_is_inside(limits, inside, outside):
    assert all(limits.admits(value) for value in inside)
    assert not any(limits.admits(value) for value in outside)


def test_limits_in_words():
    assert str(at_least(1)) == "a whole number of 1 or more"
    assert str(from_to(0, 2**63 - 1)) == "a whole number from 0 to 9223372036854775807"
    assert str(SHARE) == "a number from 0 to 1"
    assert str(NOT_NEGATIVE) == "a number of 0 or more"
    assert str(POSITIVE) == "a positive number"
    assert str(FINITE) == "a finite number"


@dataclass(frozen=True)
class Settings:
    batch_size: int = 4
    rates: tuple[float, ...] = (0.1, 0.2)


def test_a_setting_outside_is_named_by_its_option():
    check_limits(Settings(), {"batch_size": at_least(1), "rates": POSITIVE})
    words = r"--batch-size as a whole number of 1 or more; got 0; correct --batch-size"
    with pytest.raises(ConfigError, match=words):
        check_limits(Settings(batch_size=0), {"batch_size": at_least(1)})
    with pytest.raises(ConfigError, match=r"--of\.rates as a positive number; got nan"):
        check_limits(Settings(rates=(0.1, NAN)), {"rates": POSITIVE}, "--of.")
