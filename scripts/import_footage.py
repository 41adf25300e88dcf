"""Imports footage as a dataset.

Same as `doorlab import`; see --help.
"""

from doorlab.cli import run_stage

if __name__ == "__main__":  # worker processes import this file
    run_stage("import")
