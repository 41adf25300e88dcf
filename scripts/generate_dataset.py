"""Makes a dataset of doors. The same as `doorlab generate`; try --help."""

from doorlab.cli import run_stage

run_stage("generate")
