"""Counts the tries that each policy needs on doors never seen. The same as `doorlab bandit`; try --help."""

from doorlab.cli import run_stage

run_stage("bandit")
