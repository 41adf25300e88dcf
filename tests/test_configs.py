"""Configs made of parts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import pytest

from doorlab.configs import flattened, updated
from doorlab.errors import ConfigError
from doorlab.learning.reward_config import RewardConfig


@dataclass(frozen=True)
class Left:
    size: int = 1
    shared: int = 2


@dataclass(frozen=True)
class Right:
    shared: int = 3


@dataclass(frozen=True)
class Whole:
    steps: int = 4
    left: Left = field(default_factory=Left)
    right: Right = field(default_factory=Right)


def test_updated_changes_fields_of_config_and_its_parts():
    before = Whole()
    after = updated(before, steps=5, size=6, right__shared=7)
    assert after == Whole(5, Left(6, 2), Right(7))
    assert before == Whole()
    assert updated(before, left=Left(8), left__shared=9) == Whole(4, Left(8, 9))


@pytest.mark.parametrize("name", ["nothing", "shared", "left__nothing"])
def test_updated_rejects_unknown_and_ambiguous_names(name):
    with pytest.raises(TypeError, match=name.split("__")[-1]):
        updated(Whole(), **{name: 1})


def test_updated_prefers_field_of_config():
    config = updated(RewardConfig(), batch_size=3, process__batch_size=5, lr=0.1)
    assert (config.batch_size, config.process.batch_size, config.optim.lr) == (3, 5, 0.1)
    with pytest.raises(ConfigError, match=r"--optim\.lr as a"):
        updated(config, lr=-1.0)


def test_flattened_gives_dotted_name_to_every_value():
    assert flattened(asdict(Whole())) == {
        "steps": 4, "left.size": 1, "left.shared": 2, "right.shared": 3
    }  # fmt: skip
    assert flattened({"empty": {}, "none": None}) == {"empty": {}, "none": None}
