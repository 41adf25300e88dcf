"""Figures of runs: loading of their data, drawing, and style.

Only this package imports matplotlib. The figures do not depend on the user's matplotlib settings.
"""

from doorlab.plots import matplotlib_settings  # noqa: F401  must precede imports of matplotlib
