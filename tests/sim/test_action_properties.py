"""Rewards of any action, inside and outside the box."""

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
ACTION = arrays(np.float64, 4, elements=st.floats(-1.0, 1.0))
WHICH = st.integers(0, 199)


def rewards(simulator, door, *actions):
    return simulator.interact([door], np.stack(actions)[None]).rewards[0]


@engine
@given(WHICH, ACTION)
def test_reward_is_periodic_in_phi(simulator, doors, which, action):
    left, right = (np.array([phi, *action[1:]]) for phi in (-1.0, 1.0))
    reward, again = rewards(simulator, doors[which], left, right)
    assert again == pytest.approx(reward, abs=1e-5)
    assert 0.0 <= reward <= 1.0


@engine
@given(WHICH, ACTION, st.integers(0, 3), st.sampled_from([-1.0, 1.0]))
def test_reward_clips_rounding_errors_to_box(simulator, doors, which, action, place, border):
    action[place] = border
    beyond = action.copy()
    beyond[place] *= 1.0 + 1e-6
    reward, again = rewards(simulator, doors[which], action, beyond)
    assert again == reward


@engine
@given(ACTION, st.integers(0, 3), st.sampled_from([np.nan, np.inf, -np.inf, 1.001, -3.0]))
def test_reward_rejects_actions_outside_box(simulator, doors, action, place, value):
    action[place] = value
    with pytest.raises(ConfigError, match=r"in \[-1, 1\], but got an array that contains"):
        rewards(simulator, doors[0], action)
