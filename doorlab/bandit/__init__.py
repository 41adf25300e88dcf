"""Opening doors in few tries: policies, the loop that runs them, and their regret."""

from doorlab.bandit.loop import Rollout, run_policy
from doorlab.bandit.policy import History, Policy
from doorlab.bandit.regret import paired_differences, summarise

__all__ = ["History", "Policy", "Rollout", "paired_differences", "run_policy", "summarise"]
