"""Plots the results of runs.

Same as `doorlab plot`; see --help.
"""

from doorlab.cli import run_stage

if __name__ == "__main__":  # worker processes import this file
    run_stage("plot")
