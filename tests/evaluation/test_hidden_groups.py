from dataclasses import replace

import numpy as np

from doorlab.doors import get_prior
from doorlab.doors.door import HIDDEN_FIELDS
from doorlab.evaluation.hidden_groups import strata_by_hidden_parameter
from doorlab.seeding import stream

DOORS = [get_prior("wild").sample(stream(0, "door", i)) for i in range(120)]


def test_strata_partition_doors_for_every_parameter():
    for groups in strata_by_hidden_parameter(DOORS).values():
        np.testing.assert_array_equal(sum(g.astype(int) for g in groups.values()), 1)


def test_strata_cover_every_hidden_parameter():
    seen = set(strata_by_hidden_parameter(DOORS))
    named = {"latch_angle": "latch", "latch_direction": "latch", "locked": "lock"}
    assert {named.get(field, field) for field in HIDDEN_FIELDS} == seen


def test_strata_match_parameters_of_doors():
    groups = strata_by_hidden_parameter(DOORS)
    for i, door in enumerate(DOORS):
        assert groups["lock"]["locked"][i] == door.locked
        assert groups["closer_stiffness"]["some"][i] == (door.closer_stiffness > 0)
        turns = door.latch_angle > 0
        assert groups["latch"]["clockwise"][i] == (turns and door.latch_direction == 1)
    assert groups["lock"]["locked"].any()
    assert not groups["lock"]["locked"].all()


def test_strata_split_each_mechanism_in_halves():
    """Friction of sliding doors has another unit: it must not decide among the hinged ones."""
    much = strata_by_hidden_parameter(DOORS)["hinge_friction"]["much"]
    slides = np.array([door.mechanism == "sliding" for door in DOORS])
    for kind in (slides, ~slides):
        assert abs(much[kind].mean() - 0.5) <= 1 / kind.sum()
    changed = [
        replace(d, hinge_friction=1e3) if s else d for d, s in zip(DOORS, slides, strict=True)
    ]
    np.testing.assert_array_equal(
        strata_by_hidden_parameter(changed)["hinge_friction"]["much"][~slides], much[~slides]
    )
