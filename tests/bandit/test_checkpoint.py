import json

import numpy as np
import pytest
import torch
from helpers.bandit_worlds import Sighted, World, labeled
from safetensors import safe_open

from doorlab.bandit import History, load_bandit, save_bandit
from doorlab.bandit.acquisition import SearchConfig
from doorlab.bandit.policies import (
    ContextualPriorPolicy,
    EpsilonConfig,
    EpsilonGreedyPolicy,
    GPConfig,
    GPThompsonPolicy,
    GPUCBPolicy,
    LinUCBConfig,
    LinUCBPolicy,
    ModelConfig,
    ModelPolicy,
    NeuralLinearConfig,
    NeuralLinearPolicy,
    OraclePolicy,
    RandomPolicy,
    VisibleOraclePolicy,
)
from doorlab.doors import get_prior
from doorlab.errors import CheckpointError, ConfigError
from doorlab.seeding import stream

QUICK = SearchConfig(candidates=32, starts=2, steps=3)
GP = GPConfig(fit_steps=3, search=QUICK)
DOORS = [get_prior("default").sample(stream(0, "door", i)) for i in range(4)]
LABELED = labeled(doors=12, tries=6)


def _neural_linear():
    config = NeuralLinearConfig(hidden=8, features=6, steps=10, search=QUICK)
    return NeuralLinearPolicy(Sighted(), LABELED, config)


POLICIES = {
    "random": RandomPolicy,
    "oracle": lambda: OraclePolicy(DOORS),
    "visible_oracle": lambda: VisibleOraclePolicy(DOORS),
    "gp_ucb": lambda: GPUCBPolicy(GP),
    "gp_ts": lambda: GPThompsonPolicy(GP),
    "greedy": lambda: ModelPolicy(Sighted(), ModelConfig(search=QUICK)),
    "epsilon": lambda: EpsilonGreedyPolicy(GPUCBPolicy(GP), EpsilonConfig(0.5)),
    "cpp": lambda: ContextualPriorPolicy(Sighted(), GP),
    "linucb": lambda: LinUCBPolicy(Sighted(), LABELED, LinUCBConfig(features=8, search=QUICK)),
    "neural_linear": _neural_linear,
}


@pytest.mark.parametrize("name", POLICIES)
def test_load_bandit_resumes_policy_bit_for_bit(name, tmp_path):
    world, policy, path = World(4), POLICIES[name](), tmp_path / "bandit.safetensors"
    past = world.play(policy, 3)
    save_bandit(path, policy, past)
    other = POLICIES[name]()
    again = load_bandit(path, other)
    np.testing.assert_array_equal(again.actions, past.actions)
    np.testing.assert_array_equal(again.rewards, past.rewards)
    for _ in range(2):
        actions = policy.act(past)
        np.testing.assert_array_equal(actions, other.act(again))
        rewards = world.rewards(actions[:, None])[:, 0]
        past, again = past.extended(actions, rewards), again.extended(actions, rewards)


def test_save_bandit_writes_readable_safetensors(tmp_path):
    policy, path = RandomPolicy(), tmp_path / "bandit.safetensors"
    past = World(4).play(policy, 2)
    save_bandit(path, policy, past)
    with safe_open(path, framework="np") as file:
        header = json.loads(file.metadata()["doorlab"])
        np.testing.assert_array_equal(file.get_tensor("history.rewards"), past.rewards)
    assert header["state"]["kind"]["policy"] == "RandomPolicy"
    assert [p.name for p in tmp_path.iterdir()] == ["bandit.safetensors"]  # nothing half-written


def test_save_bandit_leaves_policy_unchanged(tmp_path):
    policies = [RandomPolicy(), RandomPolicy()]
    for policy in policies:
        World(4).play(policy, 1)
    save_bandit(tmp_path / "bandit", policies[0], History.empty(4))
    actions = [policy.act(History.empty(4)) for policy in policies]
    np.testing.assert_array_equal(*actions)


def test_load_bandit_rejects_other_policy_or_settings(tmp_path):
    policy, path = GPUCBPolicy(GP), tmp_path / "bandit"
    save_bandit(path, policy, World(4).play(policy, 1))
    for other in (GPThompsonPolicy(GP), GPUCBPolicy(), EpsilonGreedyPolicy(GPUCBPolicy(GP))):
        with pytest.raises(CheckpointError, match="GPUCBPolicy"):
            load_bandit(path, other)


def test_load_bandit_rejects_damaged_file(tmp_path):
    policy, path = RandomPolicy(), tmp_path / "bandit"
    with pytest.raises(CheckpointError, match="none"):
        load_bandit(path, policy)
    with pytest.raises(ConfigError, match="Call begin"):
        save_bandit(path, policy, History.empty(4))
    save_bandit(path, policy, World(4).play(policy, 1))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="intact saved bandit"):
        load_bandit(path, policy)
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="intact saved bandit"):
        load_bandit(path, policy)
