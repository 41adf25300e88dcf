"""Label efficiency: what reward models make of few labelled doors, and which claims hold.

Pure summaries of arrays: nothing here knows of models, runs or files.
"""

from doorlab.efficiency.claims import Claim, Evidence, claims, usual
from doorlab.efficiency.summary import Scores, differences, reward_summary

__all__ = ["Claim", "Evidence", "Scores", "claims", "differences", "reward_summary", "usual"]
