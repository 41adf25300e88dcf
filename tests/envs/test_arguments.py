"""What the environments refuse, in one sentence without options of the command line."""

import inspect

import gymnasium
import numpy as np
import pytest
from doorlab_envs import DoorBanditEnv, DoorBanditVectorEnv
from doorlab_envs.arguments import Arguments, chosen_doors, seeds_of

from doorlab.data.sources.simulation import GenerationConfig
from doorlab.data.tensors.stream import StreamConfig
from doorlab.doors import Action
from doorlab.doors.priors import DEFAULT_PRIOR
from doorlab.errors import ConfigError
from doorlab.stages import generate
from doorlab.studies import representation
from doorlab.studies.label_efficiency import config as study_config


def refused(call, message):
    with pytest.raises(ConfigError, match=message) as caught:
        call()
    said = str(caught.value)
    assert "--" not in said
    assert "interactions" not in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"frames": 0}, "frames as a whole number from 1 to 10000, but got 0. Correct frames"),
        ({"frames": "x"}, "frames as .*, but got 'x'"),
        ({"image_size": 4}, "image_size as a whole number from 8 to 1024, but got 4"),
        ({"image_size": 16.5}, "got 16.5"),
        ({"horizon": 1.5}, "horizon as a whole number of 1 or more, but got 1.5"),
        ({"horizon": None}, "got None"),
        ({"split": "x"}, "a split out of test, train, validation, but got 'x'"),
        ({"render_mode": "ansi"}, "render_mode None or rgb_array, rgb_array_list, but got 'ansi'"),
        ({"doors_from": 3}, "doors_from as the folder of a dataset, but got 3"),
    ],
)
def test_arguments_reject_invalid_values(settings, message):
    refused(lambda: Arguments(**settings), message)


@pytest.mark.parametrize("make", [DoorBanditEnv, DoorBanditVectorEnv])
@pytest.mark.parametrize("wrong", [{"frames": 0}, {"prior": ["x"]}, {"simulator": None}])
def test_environments_check_arguments(make, wrong):
    refused(lambda: make(**wrong), "Expected ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"door": 1.7}, 'the option "door" as a whole number from 0 .*, but got 1.7. Give info'),
        ({"door": "x"}, "got 'x'"),
        ({"door": -1}, "got -1. Give info"),
        ({"door": None}, "got None"),
        ({"door": True}, "got True"),
        ({"door": 2**63}, "got 9223372036854775808"),
        ({"door": [1]}, r"got \[1\]"),
        ({"doors": 1}, "an option of reset out of door, but got 'doors'. Did you mean 'door'"),
        ([1], r"options as {.door.: key}, but got \[1\]"),
    ],
)
def test_chosen_doors_rejects_invalid_option(options, message):
    refused(lambda: chosen_doors(options, 1), message)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ([1, 2, 3], "2 doors, but got 3"),
        ([1, 1.5], "got 1.5"),
        (np.ones((2, 2)), r"got array\(\[1., 1.\]\)"),
        ({1, 2}, "got {1, 2}"),
    ],
)
def test_chosen_doors_rejects_invalid_batched_keys(keys, message):
    refused(lambda: chosen_doors({"door": keys}, 2, batched=True), message)


def test_chosen_doors_accepts_one_key_or_one_per_environment():
    for keys in (4, np.int64(4), np.array(4), [4, 4], (4, np.uint8(4)), np.array([4, 4])):
        assert chosen_doors({"door": keys}, 2, batched=True) == [4, 4]
    assert chosen_doors({}, 2) is None
    assert chosen_doors(None, 2) is None


@pytest.mark.parametrize(
    ("seed", "message"),
    [(-1, "got -1"), (1.5, "a seed as .*, but got 1.5"), ("x", "got 'x'"), ([1, -2], "got -2")],
)
def test_seeds_of_rejects_invalid_seeds(seed, message):
    refused(lambda: seeds_of(seed, 2), message)


def test_seeds_of_returns_one_seed_per_environment():
    assert seeds_of(3, 2) == [3, 4]
    assert seeds_of(np.array([5, 7]), 2) == [5, 7]
    assert seeds_of([None, 7], 2) == [None, 7]
    assert seeds_of(None, 2) == [None, None]


@pytest.fixture(scope="module")
def one_and_two(env_id):
    settings = {"frames": 1, "image_size": 16, "horizon": 2, "simulator": "torch"}
    one = gymnasium.make(env_id, **settings)
    two = gymnasium.make_vec(
        env_id, num_envs=2, vectorization_mode="vector_entry_point", **settings
    )
    yield one, two
    one.close()
    two.close()


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (np.zeros(3), "got an array of shape"),
        (
            np.full(4, np.nan),
            "got an array that contains nan. Check the code that computes the action",
        ),
        (np.full(4, 1.5), "got an array that contains 1.5. Scale it"),
        (np.zeros(4, complex), "got an array of complex128"),
        (np.array(["left"] * 4), "Pass real numbers"),
        (Action(0.0, 0.8, 1.0, 0.0), r"Pass real numbers \(for an Action, .*to_normalized"),
        (None, "Pass real numbers"),
    ],
)
def test_step_rejects_invalid_actions_without_counting_them(one_and_two, action, message):
    one, two = one_and_two
    one.reset(seed=0)
    two.reset(seed=0)
    refused(lambda: one.step(action), f"an action of 4 numbers in .*{message}")
    refused(lambda: two.step([action] * 2), f"2 actions of 4 numbers in .*{message}")
    assert one.unwrapped._num_interactions == two._num_interactions == 0


def test_default_prior_is_shared_by_environments_and_configs():
    """A model trained as README.md says fits the environment shown there."""
    for make in (DoorBanditEnv, DoorBanditVectorEnv):
        assert inspect.signature(make).parameters["prior"].default == DEFAULT_PRIOR
    for config in (GenerationConfig(), generate.Config(), StreamConfig(), study_config.Config()):
        assert config.prior == DEFAULT_PRIOR
    assert representation.Config().priors == (DEFAULT_PRIOR,)


@pytest.mark.parametrize("name", ["open_a_door", "ppo"])
def test_examples_use_default_prior(name):
    pytest.importorskip("stable_baselines3")
    from importlib.util import module_from_spec, spec_from_file_location
    from pathlib import Path

    path = Path(__file__).parents[2] / "examples" / f"{name}.py"
    spec = spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    assert inspect.signature(module.main).parameters["prior"].default == DEFAULT_PRIOR
