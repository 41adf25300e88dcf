"""Learns a representation of doors from unlabelled frames.

The same as `doorlab pretrain`; try --help.
"""

from doorlab.cli import run_stage

if __name__ == "__main__":  # worker processes import this file
    run_stage("pretrain")
