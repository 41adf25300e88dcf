"""Makes a dataset of your own footage.

The same as `doorlab import`; try --help.
"""

from doorlab.cli import run_stage

if __name__ == "__main__":  # worker processes import this file
    run_stage("import")
