"""Learns to predict the reward of an action on a door.

The same as `doorlab train`; try --help.
"""

from doorlab.cli import run_stage

if __name__ == "__main__":  # worker processes import this file
    run_stage("train")
