"""Pretrains an encoder on unlabeled frames.

Same as `doorlab pretrain`; see --help.
"""

from doorlab.cli import run_stage

if __name__ == "__main__":  # worker processes import this file
    run_stage("pretrain")
