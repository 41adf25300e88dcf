"""Figures of runs: what is drawn from which files, and how it looks.

matplotlib is imported here alone, whatever the settings of the user are.
"""

from doorlab.plots import matplotlib_settings  # noqa: F401  before any import of matplotlib
