"""Settings of the documentation site. `make docs` builds it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "extensions"))

from docstrings import nitpick_ignore_regex  # noqa: E402, F401  read by Sphinx

from doorlab import __version__  # noqa: E402

project = "doorlab"
author = "the authors of doorlab"
version = release = __version__
copyright = author

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "generated_pages",
    "docstrings",
]
exclude_patterns = ["_build", "_templates", "extensions", "tutorials", "generated/tutorials/runs"]
nitpicky = True
suppress_warnings = ["config.cache"]  # the settings of sphinx-gallery contain objects
root_doc = "index"

# Markdown
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
smartquotes = False  # it makes dashes of `--option`

# Docstrings
autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_class_signature = "mixed"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
templates_path = ["_templates"]

# Tutorials


def remove_runs(settings: dict[str, object], file: str) -> None:
    """Removes what an earlier build of a tutorial wrote, since doorlab replaces no results."""
    folder = RUNS_OF_TUTORIALS.get(Path(file).stem)
    if folder is not None:
        shutil.rmtree(HERE / "tutorials" / "runs" / folder, ignore_errors=True)


RUNS_OF_TUTORIALS = {
    "1_generate": "look",
    "2_pretrain_on_footage": "footage",
    "3_open_doors": "open",
    "4_extend": "extend",
    "7_machines": "machines",
}
# `sphinx-build --tag no_tutorials` does not run them; Sphinx defines the tags.
plot_gallery = str(not tags.has("no_tutorials"))  # noqa: F821
sphinx_gallery_conf = {
    "examples_dirs": "tutorials",
    "gallery_dirs": "generated/tutorials",
    "filename_pattern": r"\.py$",
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "capture_repr": ("_repr_html_",),
    "min_reported_time": 1e6,
    "show_memory": False,
    "write_computation_times": False,
    "show_signature": False,
    "remove_config_comments": True,
    "abort_on_example_error": False,
    "default_thumb_file": str(HERE / "gallery.png"),
    "thumbnail_size": (480, 320),
    "image_srcset": ["2x"],
    "reset_modules": ("matplotlib", remove_runs),
    "backreferences_dir": None,
    "first_notebook_cell": "%matplotlib inline",
}
# The tutorials show results, not the machine that built the site.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Pages
html_theme = "furo"
html_title = "doorlab"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_favicon = "_static/favicon.svg"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {
    "light_logo": "logo.svg",
    "dark_logo": "logo-dark.svg",
    "sidebar_hide_name": True,
    "navigation_with_keys": True,
    "light_css_variables": {"color-brand-primary": "#0b6e75", "color-brand-content": "#0b6e75"},
    "dark_css_variables": {"color-brand-primary": "#5cc8cf", "color-brand-content": "#5cc8cf"},
}
pygments_style = "friendly"
pygments_dark_style = "github-dark"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
