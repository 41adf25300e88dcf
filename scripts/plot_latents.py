"""Draws what a run has learned. The same as `doorlab plot`; try --help."""

from doorlab.cli import run_stage

run_stage("plot")
