"""Generates a dataset of doors in simulation.

Same as `doorlab generate`; see --help.
"""

from doorlab.cli import run_stage

if __name__ == "__main__":  # worker processes import this file
    run_stage("generate")
