"""Contextual bandit: policies that learn to open doors, and the loop that runs them."""

from doorlab.bandit.checkpoint import load_bandit, save_bandit
from doorlab.bandit.policy import History, Policy
from doorlab.bandit.rollout import Rollout, run_policy

__all__ = ["History", "Policy", "Rollout", "load_bandit", "run_policy", "save_bandit"]
