"""Exports a dataset for a dataset hub.

Same as `doorlab export`; see --help.
"""

from doorlab.cli import run_stage

if __name__ == "__main__":
    run_stage("export")
