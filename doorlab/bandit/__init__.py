"""Opening doors in few tries: policies, the loop that runs them, and their regret."""

from doorlab.bandit.checkpoint import load_bandit, save_bandit
from doorlab.bandit.policy import History, Policy
from doorlab.bandit.rollout import Rollout, run_policy
from doorlab.evaluation.hidden_groups import strata_by_hidden_parameter
from doorlab.evaluation.regret import (
    SeededRollouts,
    merge,
    paired_differences,
    regret_by_group,
    summarize,
)

__all__ = [
    "History",
    "Policy",
    "Rollout",
    "SeededRollouts",
    "strata_by_hidden_parameter",
    "load_bandit",
    "merge",
    "paired_differences",
    "regret_by_group",
    "run_policy",
    "save_bandit",
    "summarize",
]
