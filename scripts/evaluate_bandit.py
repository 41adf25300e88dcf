"""Evaluates policies on held-out doors.

Same as `doorlab bandit`; see --help.
"""

from doorlab.cli import run_stage

if __name__ == "__main__":  # worker processes import this file
    run_stage("bandit")
