"""Label efficiency of reward models: summaries by number of labeled doors, and tests of claims.

The functions work on arrays only; they do not depend on models, runs or files.
"""

from doorlab.evaluation.label_efficiency.claims import (
    Claim,
    Evidence,
    claims,
    nearest_label_count,
)
from doorlab.evaluation.label_efficiency.summary import Scores, differences, reward_summary

__all__ = [
    "Claim",
    "Evidence",
    "Scores",
    "claims",
    "differences",
    "nearest_label_count",
    "reward_summary",
]
