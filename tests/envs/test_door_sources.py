import gymnasium
import numpy as np
import pytest
from doorlab_envs.door_sources import PriorProblems, RecordedProblems

from doorlab.data import DoorDataset
from doorlab.data.sources.simulation import GenerationConfig
from doorlab.data.writer import write_dataset
from doorlab.doors import oracle_action
from doorlab.errors import ConfigError
from doorlab.sim import make_simulator

ENVIRONMENT = "doorlab_envs:doorlab/DoorBandit-v0"


@pytest.fixture
def simulator():
    simulator = make_simulator()
    yield simulator
    simulator.close()


def test_prior_problems_match_door_0_of_dataset_with_seed(simulator, tmp_path):
    problems = PriorProblems(simulator, "narrow", frames=2, image_size=16).make([41, 42])
    config = GenerationConfig(doors=1, frames=2, image_size=16, seed=42, videos=0)
    write_dataset(tmp_path / "d", config, workers=1)
    dataset = DoorDataset.open(tmp_path / "d")
    assert problems.doors[1] == dataset.doors()[0]
    np.testing.assert_array_equal(problems.images[1], dataset.read("images")[0])


def test_recorded_problems_recompute_optimal_reward_in_other_simulator(simulator, recorded):
    dataset = DoorDataset.open(recorded)
    keys = dataset.indices("test").tolist()
    there = make_simulator("panda")
    problems = RecordedProblems(there, recorded, "test", 1, 16).make(keys)
    actions = np.stack([oracle_action(door) for door in dataset.doors(np.array(keys))])[:, None]
    expected = there.interact(problems.doors, actions).rewards[:, 0]
    there.close()
    np.testing.assert_allclose(problems.optimal_rewards, expected, atol=1e-6)
    recorded_there = dataset.read("optimal_reward", np.array(keys))
    assert not np.allclose(problems.optimal_rewards, recorded_there, atol=0.05)
    same = RecordedProblems(simulator, recorded, "test", 1, 16).make(keys)
    np.testing.assert_array_equal(same.optimal_rewards, recorded_there)


def test_recorded_problems_reject_empty_split(simulator, tmp_path):
    config = GenerationConfig(doors=2, frames=1, image_size=16, validation_fraction=0.0, videos=0)
    write_dataset(tmp_path / "d", config, workers=1)
    source = RecordedProblems(simulator, tmp_path / "d", "validation", 1, 16)
    with pytest.raises(ConfigError, match="validation"):
        source.draw(np.random.default_rng(0))


def test_make_finds_priors_and_simulators_by_import_path(tmp_path, monkeypatch):
    (tmp_path / "env_barn.py").write_text(
        "from doorlab.doors import DoorPrior\n"
        "from helpers.fake_simulator import FakeSimulator as Barn\n"
        "HEAVY = DoorPrior(mass=(28.0, 30.0))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    env = gymnasium.make(
        ENVIRONMENT, prior="env_barn:HEAVY", simulator="env_barn:Barn", frames=2, image_size=16
    )
    observation, _ = env.reset(seed=1)
    assert observation["images"].shape == (2, 16, 16, 3)
    env.close()
    doors = PriorProblems(make_simulator("env_barn:Barn"), "env_barn:HEAVY", 2, 16).make([1]).doors
    assert 28.0 <= doors[0].mass <= 30.0
    with pytest.raises(ConfigError, match="NONE in the module env_barn for the prior"):
        gymnasium.make(ENVIRONMENT, prior="env_barn:NONE", simulator="env_barn:Barn")
