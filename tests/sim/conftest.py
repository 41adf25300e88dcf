"""The PyBullet simulator, and some doors."""

import pytest

from doorlab.doors import get_prior
from doorlab.seeding import stream
from doorlab.sim import make_simulator


@pytest.fixture(scope="session")
def simulator():
    simulator = make_simulator("pybullet")
    yield simulator
    simulator.close()


@pytest.fixture(scope="session")
def doors():
    prior = get_prior("default")
    return [prior.sample(stream(7, "door", i)) for i in range(200)]
