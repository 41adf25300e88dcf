"""A toy: fit a line through noise, in as many steps as a test has patience for."""

import pytest
from helpers.toys import toy_task

from doorlab.configs import updated
from doorlab.training import TrainConfig


@pytest.fixture
def config():
    return updated(
        TrainConfig(),
        steps=20,
        lr=0.05,
        device="cpu",
        log_every=5,
        validate_every=10,
        checkpoint_every=4,
        seed=3,
    )


@pytest.fixture
def task():
    return toy_task()
