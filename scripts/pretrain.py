"""Learns a representation of doors from unlabelled frames. The same as `doorlab pretrain`; try --help."""

from doorlab.cli import run_stage

run_stage("pretrain")
