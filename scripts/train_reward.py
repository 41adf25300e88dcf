"""Learns to predict the reward of an action on a door. The same as `doorlab train`; try --help."""

from doorlab.cli import run_stage

run_stage("train")
