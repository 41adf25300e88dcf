"""Makes a dataset of doors.

The same as `doorlab generate`; try --help.
"""

from doorlab.cli import run_stage

if __name__ == "__main__":  # worker processes import this file
    run_stage("generate")
