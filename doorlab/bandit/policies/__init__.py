"""Policies, one file per idea. Each implements the two methods of `doorlab.bandit.policy`."""

from doorlab.bandit.acquisition import ACQUISITIONS, BanditModel
from doorlab.bandit.gaussian_process import GPConfig
from doorlab.bandit.policies.cpp import ContextualPriorPolicy
from doorlab.bandit.policies.embedding import LabeledDataset
from doorlab.bandit.policies.epsilon import EpsilonConfig, EpsilonGreedyPolicy
from doorlab.bandit.policies.gp import GPThompsonPolicy, GPUCBPolicy
from doorlab.bandit.policies.linucb import LinUCBConfig, LinUCBPolicy
from doorlab.bandit.policies.model import (
    ModelConfig,
    ModelPolicy,
)
from doorlab.bandit.policies.neural_linear import NeuralLinearConfig, NeuralLinearPolicy
from doorlab.bandit.policies.oracle import OraclePolicy, VisibleOraclePolicy
from doorlab.bandit.policies.random import RandomPolicy
from doorlab.bandit.policies.tabpfn import TabPFNConfig, TabPFNPolicy

__all__ = [
    "ACQUISITIONS",
    "BanditModel",
    "ContextualPriorPolicy",
    "EpsilonConfig",
    "EpsilonGreedyPolicy",
    "GPConfig",
    "GPThompsonPolicy",
    "GPUCBPolicy",
    "LabeledDataset",
    "LinUCBConfig",
    "LinUCBPolicy",
    "ModelConfig",
    "ModelPolicy",
    "NeuralLinearConfig",
    "NeuralLinearPolicy",
    "OraclePolicy",
    "RandomPolicy",
    "TabPFNConfig",
    "TabPFNPolicy",
    "VisibleOraclePolicy",
]
