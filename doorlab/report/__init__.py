"""Tables, figures and the HTML report. Reads arrays and result files; no torch, no simulator."""

from doorlab.plots import matplotlib_settings  # noqa: F401  before any import of matplotlib
