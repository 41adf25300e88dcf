import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.altered_runs import describe

from doorlab.bandit.policies import RandomPolicy
from doorlab.data import DoorDataset
from doorlab.errors import CheckpointError, ConfigError
from doorlab.evaluation.policy_registry import (
    ExplorationConfig,
    PolicySpec,
    labeled_doors,
    make_policy,
    policy_specs,
)


class Recorded(DoorDataset):
    """The part of a dataset that `policy_specs` needs, without files."""

    path, image_size, checksum = Path("doors"), 16, "blake2b:1"

    def __init__(self):
        pass

    def indices(self, split):
        return {"train": np.arange(10, 16)}[split]

    def read(self, name, indices):
        width = {"images": (1, 2, 2, 3), "actions": (3, 4), "rewards": (3,)}[name]
        values = np.broadcast_to(indices.reshape(-1, *[1] * len(width)), (len(indices), *width))
        return values.astype(np.uint8 if name == "images" else np.float32)


@pytest.fixture
def trained(tmp_path):
    def make(name, kind, seed=0, **about):
        run = tmp_path / name
        run.mkdir()
        describe(run, kind=kind, image_size=16, seed=seed, **about)
        return run

    return make


def test_panel_defaults_to_untrained_policies_and_every_model(trained):
    runs = [trained("a", "ssnp"), trained("b", "np")]
    names = [entry.name for entry in policy_specs((), runs, Recorded()).values()]
    assert names == ["random", "oracle", "visible_oracle", "gp_ucb", "ssnp", "np"]


def test_panel_names_give_model_and_choice(trained):
    a, b = trained("a", "ssnp"), trained("b", "np")
    name = ("ssnp:thompson", "np", "gp_ts", "cpp", "np:cpp")
    assert list(policy_specs(name, [a, b], Recorded()).values()) == [
        PolicySpec("ssnp:thompson", "thompson", a),
        PolicySpec("np", "greedy", b),
        PolicySpec("gp_ts", "gp_ts"),
        PolicySpec("ssnp:cpp", "cpp", a),  # of the first model
        PolicySpec("np:cpp", "cpp", b),
    ]


def test_panel_has_entry_per_seed(trained):
    runs = [trained("a", "ssnp", seed=4), trained("b", "ssnp", seed=1)]
    entries = policy_specs(("ssnp:ucb",), runs, Recorded())
    assert list(entries) == ["ssnp:ucb@4", "ssnp:ucb@1"]
    assert [entry.run for entry in entries.values()] == runs


def test_ensemble_is_one_policy_with_all_runs_of_a_kind(trained):
    runs = [trained("a", "ssnp", seed=4), trained("b", "np"), trained("c", "ssnp", seed=1)]
    (entry,) = policy_specs(("ssnp:ensemble",), runs, Recorded()).values()
    assert entry.name == "ssnp:ensemble"
    assert entry.members == (runs[0], runs[2])


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("ssnp:tompson", "Did you mean 'thompson'"),
        ("snp:ucb", "Did you mean 'ssnp:ucb'"),
        ("gp_usb", "Did you mean 'gp_ucb'"),
        ("ssnp:greedy ssnp", "ssnp more than once"),
        ("cpp ssnp:cpp", "ssnp:cpp more than once"),
    ],
)
def test_panel_suggests_names_for_typos(trained, name, complaint):
    with pytest.raises(ConfigError, match=complaint):
        policy_specs(name.split(), [trained("a", "ssnp")], Recorded())


def test_labeled_doors_are_those_of_training(trained):
    """A model that was trained on another dataset uses all labeled doors."""
    run = trained("a", "ssnp", dataset_checksum="blake2b:1")
    with pytest.raises(CheckpointError, match=r"metrics\.json"):
        labeled_doors(run, Recorded())
    (run / "metrics.json").write_text(json.dumps({"metrics": {"labeled_doors": 2}}))
    assert labeled_doors(run, Recorded()).rewards[:, 0].tolist() == [10, 11]
    elsewhere = trained("b", "ssnp", dataset_checksum="blake2b:2")
    assert labeled_doors(elsewhere, Recorded()).rewards[:, 0].tolist() == [*range(10, 16)]


@pytest.mark.parametrize("figures", ["x", {"labeled_doors": "x"}, {"labeled_doors": 0}])
def test_labeled_doors_rejects_unreadable_metrics(trained, figures):
    run = trained("a", "ssnp", dataset_checksum="blake2b:1")
    (run / "metrics.json").write_text(json.dumps({"metrics": figures}))
    with pytest.raises(CheckpointError, match=r"the metrics of .* got .*, not .*Train the model"):
        labeled_doors(run, Recorded())


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("statistician", "a statistician. Give a run of `doorlab train`"),
        ("vae", "a vae. Give a run of `doorlab train`"),
        ("abacus", "a model out of .*, in .*, but got 'abacus'"),
        ("no_such_module:X", "a module no_such_module .*, in .*, but got none on the Python path"),
    ],
)
def test_panel_rejects_runs_without_reward_prediction(trained, kind, words):
    run = trained("a", kind)
    with pytest.raises(CheckpointError, match=words):
        policy_specs((), [run], Recorded())


def test_panel_rejects_thompson_for_model_without_latent(trained):
    runs = [trained("a", "cnp"), trained("b", "attentive_np")]
    assert len(policy_specs(("cnp:ucb", "attentive_np:thompson"), runs, Recorded())) == 2
    with pytest.raises(ConfigError, match=r"for cnp:thompson.*Use cnp:ucb"):
        policy_specs(("cnp:thompson",), runs, Recorded())


@pytest.mark.parametrize(
    "weights",
    [
        {"epsilon": 1.5},
        {"epsilon": math.nan},
        {"kappa": math.nan},
        {"alpha": math.inf},
        {"beta": -1.0},
        {"cpp_beta": math.nan},
    ],
)
def test_exploration_config_rejects_invalid_weights(weights):
    with pytest.raises(ConfigError, match=r"Correct --exploration\."):
        ExplorationConfig(**weights)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module barn_policies on the Python path."""
    (tmp_path / "barn_policies.py").write_text(
        "from doorlab.bandit.policies import RandomPolicy\n"
        "NUMBER = 3\n"
        "def careful(doors, exploration):\n    return RandomPolicy()\n"
        "def nothing(doors, exploration):\n    return None\n"
        "def of_model(model, labeled, exploration, device):\n    return RandomPolicy()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("barn_policies", None)


def test_panel_accepts_import_paths(trained, module):
    runs = [trained("a", "ssnp", seed=1), trained("b", "ssnp", seed=2)]
    names = ("barn_policies:careful", "ssnp:barn_policies:of_model")
    assert list(policy_specs(names, runs, Recorded()).values()) == [
        PolicySpec("barn_policies:careful", "barn_policies:careful"),
        *(PolicySpec(names[1], "barn_policies:of_model", run, n) for n, run in enumerate(runs, 1)),
    ]


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("barn:careful", "a module barn for the policy barn:careful, but got none"),
        ("barn_policies:wild", "wild in the module barn_policies"),
        ("barn_policies:NUMBER", r"a callable \(doors, exploration\) .* the type int"),
        ("barn_policies:of_model", r"a callable \(doors, exploration\) .* the type function"),
        ("ssnp:barn_policies:careful", r"a callable \(model, labeled, exploration, device\)"),
        ("ssnp:barn:careful", "a module barn for the policy of a model barn:careful"),
        ("np:barn_policies:of_model", "a policy out of"),
        ("np:greedy", "Did you mean"),
    ],
)
def test_panel_rejects_invalid_import_path_in_one_sentence(trained, module, name, complaint):
    with pytest.raises(ConfigError, match=complaint) as caught:
        policy_specs((name,), [trained("a", "ssnp")], Recorded())
    assert "\n" not in str(caught.value)


def test_make_policy_calls_imported_factory(module):
    entry = PolicySpec("barn_policies:careful", "barn_policies:careful")
    policy = make_policy(entry, Recorded(), [], ExplorationConfig(), "cpu")
    assert isinstance(policy, RandomPolicy)


def test_make_policy_rejects_objects_that_are_not_policies(module):
    entry = PolicySpec("barn_policies:nothing", "barn_policies:nothing")
    with pytest.raises(ConfigError, match=r"begin and act from .*, but got .* the type NoneType"):
        make_policy(entry, Recorded(), [], ExplorationConfig(), "cpu")
