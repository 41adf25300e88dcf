import importlib.util
from pathlib import Path

import gymnasium
import pytest

from doorlab.data.sources.simulation import GenerationConfig
from doorlab.data.writer import write_dataset

ENVIRONMENT = "doorlab_envs:doorlab/DoorBandit-v0"


def pytest_collection_modifyitems(items):
    if importlib.util.find_spec("pybullet") is None:
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="the environments simulate with pybullet"))


@pytest.fixture(scope="session")
def env_id() -> str:
    return ENVIRONMENT


@pytest.fixture
def make(env_id, request):
    """Makes environments with the settings `SMALL` of the test module, and closes them."""
    made = []

    def _make(**settings):
        env = gymnasium.make(env_id, **{**request.module.SMALL, **settings})
        env.action_space.seed(0)
        made.append(env)
        return env

    yield _make
    for env in made:
        env.close()


@pytest.fixture(scope="session")
def recorded(tmp_path_factory) -> Path:
    """A dataset of 12 doors, 6 of them in the split `test`."""
    path = tmp_path_factory.mktemp("envs") / "dataset"
    config = GenerationConfig(
        doors=12, frames=3, interactions=2, image_size=16, seed=5, test_fraction=0.5, videos=0
    )
    write_dataset(path, config, workers=1)
    return path
