"""Counts the tries that each policy needs on doors never seen.

The same as `doorlab bandit`; try --help.
"""

from doorlab.cli import run_stage

if __name__ == "__main__":  # worker processes import this file
    run_stage("bandit")
