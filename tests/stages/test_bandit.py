import importlib.util
import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from helpers.altered_runs import describe

from doorlab.cli import main, parse
from doorlab.data import DoorDataset
from doorlab.data.sources.simulation import GenerationConfig
from doorlab.data.writer import write_dataset
from doorlab.errors import CheckpointError, ConfigError, ResultError
from doorlab.evaluation import policy_registry
from doorlab.report.printing import show_result
from doorlab.stages import bandit
from doorlab.stages.bandit import Config

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("pybullet") is None, reason="the bandit simulates with pybullet"
)


DEFAULTS = ("random", "oracle", "visible_oracle", "gp_ucb")


@dataclass
class Prediction:
    mean: torch.Tensor
    std: torch.Tensor


class Stubborn(torch.nn.Module):
    """A reward model that prefers one action, for any images."""

    has_latent = False

    def embed(self, x):
        return x.mean(dim=(1, 2, 3, 4))[:, None]

    def condition(self, embedding, tried):
        return None

    def draw(self, state, generator):
        raise NotImplementedError

    def predict(self, embedding, tried, at):
        return self.decode(self.condition(embedding, tried), at)

    def decode(self, state, at):
        return Prediction(-(at - 0.25).square().sum(-1), torch.ones(at.shape[:2]))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("bandit_stage") / "dataset"
    config = GenerationConfig(
        doors=20, frames=2, interactions=1, image_size=16, test_fraction=0.6, videos=0
    )
    write_dataset(path, config, workers=1)
    return path


@pytest.fixture
def config(data, tmp_path):
    out = tmp_path / "out"
    return Config(data=data, out=out, doors=10, horizon=3, workers=1)


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Makes run folders of models that are all stubborn."""
    monkeypatch.setattr(policy_registry, "load_model", lambda run: Stubborn())

    def _trained(name, kind="ssnp", image_size=16, seed=0):
        run = tmp_path / name
        run.mkdir()
        (run / "weights.safetensors").write_bytes(name.encode())
        describe(run, kind=kind, image_size=image_size, seed=seed)
        return run

    return _trained


def test_bandit_writes_documented_result(config, trained, capsys):
    config = replace(config, models=(trained("a"), trained("b", kind="vae_np")), seed=4)
    path = bandit.run(config)
    assert path == config.out / "regret.json"
    show_result(path)
    assert "10 held-out doors" in capsys.readouterr().out
    result = json.loads(path.read_text())
    assert result["stage"] == "bandit"
    assert result["seed"] == 4
    assert result["dataset_checksum"] == DoorDataset.open(config.data).checksum
    assert result["provenance"]["simulator"] == DoorDataset.open(config.data).simulator
    assert (result["doors"], result["horizon"]) == (10, 3)
    assert set(result["policies"]) == {*DEFAULTS, "ssnp", "vae_np"}
    for name, policy in result["policies"].items():
        assert len(policy["regret_per_interaction"]) == 3
        for figure in ("mean_regret", "first_reward"):
            low, high = policy[figure]["ci95"]
            assert low <= policy[figure]["mean"] <= high
            assert policy[figure]["n"] == 10
        mean = np.mean(policy["regret_per_interaction"])
        assert policy["mean_regret"]["mean"] == pytest.approx(mean)
        by_latch = policy["by_hidden"]["latch"].values()
        parts = [(g["doors"], np.mean(g["regret_per_interaction"])) for g in by_latch]
        assert sum(doors for doors, _ in parts) == 10
        assert sum(doors * part for doors, part in parts) / 10 == pytest.approx(mean)
        others = set(result["policies"]) - {name}
        assert set(result["paired_differences"][name]) == others


def test_bandit_result_names_weights_of_models(config, trained):
    first, second = trained("a"), trained("b", kind="vae_np")
    config = replace(config, models=(first, second), policies=("ssnp", "vae_np"), horizon=1)
    before = json.loads(bandit.run(config).read_text())["model_weights"]
    (second / "weights.safetensors").write_bytes(b"trained again")
    describe(second, kind="vae_np", image_size=16, seed=0)
    after = json.loads(bandit.run(replace(config, overwrite=True)).read_text())["model_weights"]
    assert before[0] == after[0]
    assert len({*before, *after}) == 3


def test_bandit_result_matches_its_rollouts_after_interruption(config, monkeypatch):
    """At any moment the pair is the earlier one, or there is no result."""
    config = replace(config, policies=("random",))
    path = bandit.run(config)
    rollouts = path.with_name("rollouts.npz")
    before = path.read_bytes(), rollouts.read_bytes()

    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    for moment in ("summarize", "paired_differences", "write_result"):
        with monkeypatch.context() as patch:
            patch.setattr(bandit, moment, killed)
            with pytest.raises(KeyboardInterrupt):
                bandit.run(replace(config, seed=1, overwrite=True))
        if moment == "write_result":
            assert not path.exists()
        else:
            assert (path.read_bytes(), rollouts.read_bytes()) == before


def test_bandit_ranks_reference_policies(config):
    policies = json.loads(bandit.run(config).read_text())["policies"]
    regret = {name: policy["mean_regret"]["mean"] for name, policy in policies.items()}
    assert regret["oracle"] == pytest.approx(0, abs=1e-6)
    assert 0 <= regret["visible_oracle"] < 0.4 < regret["random"]
    # Seeds are paired: with nothing known, both begin with the same draw from the same stream.
    assert policies["random"]["first_reward"] == policies["gp_ucb"]["first_reward"]


def test_bandit_regret_is_equal_in_both_simulators(config, tmp_path):
    config = replace(config, policies=("random", "visible_oracle", "oracle"), doors=10)
    results = {}
    for name in ("pybullet", "torch"):
        path = bandit.run(replace(config, simulator=name, out=tmp_path / name))
        results[name] = json.loads(path.read_text())["policies"]
    for policy, here in results["pybullet"].items():
        there = results["torch"][policy]
        np.testing.assert_allclose(
            here["regret_per_interaction"], there["regret_per_interaction"], atol=0.005
        )


def test_bandit_regret_uses_oracle_of_same_simulator(config):
    """The arm cannot do all that the hand did when the doors were recorded."""
    config = replace(config, simulator="panda", policies=("oracle", "random"), horizon=1)
    result = json.loads(bandit.run(config).read_text())
    assert result["policies"]["oracle"]["mean_regret"]["mean"] == pytest.approx(0, abs=1e-6)
    assert result["policies"]["oracle"]["first_reward"]["mean"] < 0.95


def test_bandit_rejects_pretrained_encoder_before_computing(config, trained, capsys):
    run = str(trained("a", kind="statistician"))
    line = ["bandit", "--data", str(config.data), "--models", run, "--doors", "10"]
    assert main([*line, "--out", str(config.out)]) == 2
    said = capsys.readouterr().err
    assert "`doorlab train`" in said
    assert said.count("\n") == 1
    assert not config.out.exists()


def test_bandit_command_rejects_exploration_out_of_range_in_one_line(config, capsys):
    line = ["bandit", "--data", str(config.data), "--exploration.epsilon", "2"]
    assert main([*line, "--out", str(config.out)]) == 2
    said = capsys.readouterr().err
    assert "Expected --exploration.epsilon as a number from 0 to 1, but got 2" in said
    assert said.count("\n") == 1


def test_bandit_suggests_known_simulator(config):
    with pytest.raises(ConfigError, match="Did you mean 'torch'"):
        bandit.run(replace(config, simulator="torhc"))


def test_bandit_stores_rollouts_for_plots(config, trained):
    config = replace(config, models=(trained("a"),), policies=("random", "ssnp"))
    path = bandit.run(config)
    result = json.loads(path.read_text())
    with np.load(config.out / "rollouts.npz") as arrays:
        assert arrays["random/rewards"].shape == (10, 3)
        assert arrays["ssnp/actions"].shape == (10, 3, 4)
        np.testing.assert_allclose(arrays["ssnp/actions"], 0.25, atol=0.05)
        found = arrays["random/regrets"].mean()
        assert found == pytest.approx(result["policies"]["random"]["mean_regret"]["mean"])
        doors = DoorDataset.open(config.data).indices("test")[:10]
        np.testing.assert_array_equal(arrays["doors"], doors)


def test_bandit_is_independent_of_workers(config, tmp_path):
    config = replace(config, policies=("random", "visible_oracle"), horizon=2)
    alone = json.loads(bandit.run(config).read_text())
    together = replace(config, out=tmp_path / "two", workers=2)
    assert json.loads(bandit.run(together).read_text())["policies"] == alone["policies"]


def test_bandit_replaces_results_with_overwrite_only(config):
    config = replace(config, policies=("oracle",))
    path = bandit.run(config)
    before = path.read_text()
    with pytest.raises(ResultError, match="--overwrite"):
        bandit.run(replace(config, seed=1))
    assert path.read_text() == before
    bandit.run(replace(config, seed=1, overwrite=True))
    assert json.loads(path.read_text())["seed"] == 1


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"doors": 13}, r"12 \(the doors of the split 'test'"),
        ({"doors": 0}, "--doors"),
        ({"horizon": 0}, "--horizon"),
        ({"policies": ("orcale",)}, "'oracle'"),
        ({"policies": ("random", "random")}, "random more than once"),
        ({"policies": ("cpp",)}, "--models for the policy cpp"),
        ({"policies": ("ssnp:greedy",)}, "policy out of"),
        ({"workers": -1}, "--workers"),
        ({"device": "abacus"}, "--device auto or one of cpu"),
    ],
)
def test_bandit_rejects_invalid_settings_before_writing(config, settings, complaint):
    with pytest.raises(ConfigError, match=complaint):
        bandit.run(replace(config, **settings))
    assert not config.out.exists()


def test_bandit_rejects_models_that_do_not_fit(config, trained, tmp_path):
    first, second, large = trained("a"), trained("b"), trained("c", image_size=64)
    with pytest.raises(ConfigError, match="ssnp with different seeds"):
        bandit.run(replace(config, models=(first, second)))
    with pytest.raises(CheckpointError, match="16 pixels"):
        bandit.run(replace(config, models=(large,)))
    with pytest.raises(CheckpointError, match=r"model\.json"):
        bandit.run(replace(config, models=(tmp_path / "nothing",)))
    with pytest.raises(ConfigError, match="thompson"):
        bandit.run(replace(config, models=(first,), policies=("ssnp:thompson",)))


def test_bandit_command_accepts_several_models():
    arguments = [
        "--preset",
        "small",
        "--models",
        "runs/a",
        "runs/b",
        "--policies",
        "a:ucb",
        "gp_ts",
        "--exploration.kappa",
        "2",
        "--doors",
        "5",
    ]
    config = parse(bandit, "bandit", arguments)
    assert isinstance(config, Config)
    assert [model.name for model in config.models] == ["a", "b"]
    assert (config.preset, config.policies, config.doors) == ("small", ("a:ucb", "gp_ts"), 5)
    assert config.exploration.kappa == 2.0


def test_bandit_merges_seeds_of_one_model(config, trained):
    runs = tuple(trained(f"run{seed}", seed=seed) for seed in (4, 9))
    path = bandit.run(replace(config, models=runs, policies=("ssnp", "random"), horizon=2))
    result = json.loads(path.read_text())
    assert result["policies"]["ssnp"]["seeds"] == 2
    assert result["policies"]["random"]["seeds"] == 1
    with np.load(path.parent / "rollouts.npz") as arrays:
        assert arrays["ssnp/rewards"].shape == (2, 10, 2)
        assert arrays["ssnp/seeds"].tolist() == [4, 9]
        assert arrays["random/rewards"].shape == (10, 2)


def test_bandit_accepts_every_policy_of_model(config, trained):
    """Through the stage, from files: what the policies do is tested beside them."""
    ways = ("ssnp:ucb", "ssnp:epsilon", "cpp", "linucb", "ssnp:neural_linear")
    names = ("ssnp", "ssnp:ucb", "ssnp:epsilon", "ssnp:cpp", "ssnp:linucb", "ssnp:neural_linear")
    config = replace(config, models=(trained("a"),), policies=("ssnp:greedy", *ways))
    path = bandit.run(replace(config, horizon=2, doors=4))
    assert tuple(json.loads(path.read_text())["policies"]) == names
