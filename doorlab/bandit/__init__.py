"""Opening doors in few tries: policies, the loop that runs them, and their regret."""

from doorlab.bandit.hidden import hidden_groups
from doorlab.bandit.loop import Rollout, run_policy
from doorlab.bandit.memory import load_bandit, save_bandit
from doorlab.bandit.policy import History, Policy
from doorlab.bandit.regret import Runs, merge, paired_differences, regret_by_group, summarise

__all__ = [
    "History",
    "Policy",
    "Rollout",
    "Runs",
    "hidden_groups",
    "load_bandit",
    "merge",
    "paired_differences",
    "regret_by_group",
    "run_policy",
    "save_bandit",
    "summarise",
]
