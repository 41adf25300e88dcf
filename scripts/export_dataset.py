"""Writes a dataset in the form that dataset hubs display.

The same as `doorlab export`; try --help.
"""

from doorlab.cli import run_stage

if __name__ == "__main__":
    run_stage("export")
