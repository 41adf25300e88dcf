"""Label efficiency: what reward models make of few labelled doors, and which claims hold.

Pure summaries of arrays: nothing here knows of models, runs or files.
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
