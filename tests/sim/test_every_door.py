"""Every door of a named prior can be built, rendered and, by the oracle, opened."""

import numpy as np
import pytest

from doorlab.doors.priors import PRIORS
from doorlab.seeding import stream
from doorlab.sim import optimal_rewards

CHUNK = 1000


def check(simulator, prior, first, last):
    """Samples and opens the doors; returns the rewards of their oracle, and which are locked."""
    doors = [PRIORS[prior].sample(stream(21, prior, i)) for i in range(first, last)]
    views = [[PRIORS[prior].sample_view(stream(22, prior, i), d)] for i, d in enumerate(doors)]
    seen = simulator.render(doors, np.zeros((len(doors), 1)), views, 16).images
    assert (seen.std(axis=(1, 2, 3, 4)) > 1.0).all()  # every image shows something
    rewards = optimal_rewards(simulator, doors)
    locked = np.array([door.locked for door in doors])
    shut = [(doors[n], rewards[n]) for n in np.flatnonzero(~locked & (rewards < 0.98))]
    assert shut == []
    ajar = [(doors[n], rewards[n]) for n in np.flatnonzero(locked & (rewards > 0.01))]
    assert ajar == []
    return rewards, locked


@pytest.mark.parametrize("prior", PRIORS)
def test_oracle_opens_every_door(simulator, prior):
    _, locked = check(simulator, prior, 0, 150)
    assert locked.any() == (PRIORS[prior].locked_probability > 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("prior", PRIORS)
def test_oracle_opens_each_of_21000_doors(simulator, prior):
    """Takes about two minutes; `pytest -m slow -s` prints the figures."""
    tried = [check(simulator, prior, n, n + CHUNK) for n in range(0, 7000, CHUNK)]
    rewards, locked = (np.concatenate(column) for column in zip(*tried, strict=True))
    print(
        f"\n{prior}: {len(rewards)} doors, {locked.sum()} locked; "
        f"lowest reward {rewards[~locked].min():.4f}, highest of a locked one "
        f"{rewards[locked].max() if locked.any() else 0.0:.4f}"
    )
    assert locked.mean() == pytest.approx(PRIORS[prior].locked_probability, abs=0.02)
