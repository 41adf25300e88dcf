"""Draws what a run has learned.

The same as `doorlab plot`; try --help.
"""

from doorlab.cli import run_stage

if __name__ == "__main__":  # worker processes import this file
    run_stage("plot")
