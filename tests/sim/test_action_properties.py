"""What the reward says of any action, in the box or not."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from doorlab.errors import ConfigError

# The fixtures hold nothing that an example changes.
engine = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# Multiples of 1 / 1024, so that whole turns more are exact in floating point.
GRID = st.integers(-2048, 2048).map(lambda n: n / 1024)
ACTION = arrays(np.float64, 4, elements=GRID)
WHICH = st.integers(0, 199)


def rewards(simulator, door, *actions):
    return simulator.interact([door], np.stack(actions)[None]).rewards[0]


@engine
@given(WHICH, ACTION, st.integers(-3, 3))
def test_a_whole_turn_of_phi_changes_nothing(simulator, doors, which, action, turns):
    turned = action + np.array([2.0 * turns, 0.0, 0.0, 0.0])
    reward, again = rewards(simulator, doors[which], action, turned)
    assert again == pytest.approx(reward, abs=1e-5)


@engine
@given(WHICH, ACTION)
def test_outside_the_box_counts_as_its_border(simulator, doors, which, action):
    clipped = np.concatenate([action[:1], np.clip(action[1:], -1.0, 1.0)])
    reward, again = rewards(simulator, doors[which], action, clipped)
    assert again == reward
    assert 0.0 <= reward <= 1.0


@engine
@given(ACTION, st.integers(0, 3), st.sampled_from([np.nan, np.inf, -np.inf]))
def test_what_is_no_number_is_refused(simulator, doors, action, place, value):
    action[place] = value
    with pytest.raises(ConfigError, match="finite actions"):
        rewards(simulator, doors[0], action)
