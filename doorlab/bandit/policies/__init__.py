"""Policies. Each file is one idea; all are two methods (see `doorlab.bandit.policy`)."""

from doorlab.bandit.policies.gp import GPConfig, GPUCBPolicy
from doorlab.bandit.policies.model import CHOICES, ModelConfig, ModelPolicy, RewardModel
from doorlab.bandit.policies.oracle import OraclePolicy, VisibleOraclePolicy
from doorlab.bandit.policies.random import RandomPolicy

__all__ = [
    "CHOICES",
    "GPConfig",
    "GPUCBPolicy",
    "ModelConfig",
    "ModelPolicy",
    "OraclePolicy",
    "RandomPolicy",
    "RewardModel",
    "VisibleOraclePolicy",
]
