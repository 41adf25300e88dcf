"""Figures are independent of the matplotlib settings of the user and of the calling program."""

import ast
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from doorlab.plots import figures
from doorlab.plots.figures.training import TrainingHistory, training
from doorlab.plots.style import to_png

ODD_SETTINGS = {
    "text.usetex": True,  # needs LaTeX
    "font.size": 30,
    "lines.linewidth": 9,
    "axes.facecolor": "black",
    "axes.formatter.use_locale": True,
    "savefig.dpi": 30,
    "savefig.bbox": "tight",
    "xtick.major.width": 5,
}
FILES = sorted(Path(figures.__file__).parent.glob("[a-z]*.py"))


def figure_png():
    steps = np.arange(0, 500, 10)
    loss = np.exp(-steps / 50)
    figure = training({"ssnp": TrainingHistory("loss", steps, loss, steps, loss)})
    return hashlib.md5(to_png(figure)).hexdigest()


def test_default_settings_ignore_and_keep_settings_of_program():
    expected = figure_png()
    with matplotlib.rc_context(ODD_SETTINGS):
        assert figure_png() == expected
        assert {name: matplotlib.rcParams[name] for name in ODD_SETTINGS} == ODD_SETTINGS


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_figure_functions_use_default_settings(file):
    for function in ast.parse(file.read_text()).body:
        if isinstance(function, ast.FunctionDef) and not function.name.startswith("_"):
            draws = ast.unparse(function.returns) == "Figure"
            decorators = [ast.unparse(decorator) for decorator in function.decorator_list]
            assert ("default_settings()" in decorators) == draws, function.name


@pytest.mark.parametrize("backend", ["module://matplotlib_inline.backend_inline", "Qt4Agg"])
def test_default_settings_ignore_settings_of_user(tmp_path, backend):
    (tmp_path / "matplotlibrc").write_text(
        "\n".join(f"{name}: {value}" for name, value in ODD_SETTINGS.items())
    )
    environment = {
        **os.environ,
        "MPLBACKEND": backend,
        "MATPLOTLIBRC": str(tmp_path),
        "PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), *sys.path]),
    }
    code = (
        "import os, doorlab.plots\n"
        "import test_matplotlib_settings\n"
        "print(test_matplotlib_settings.figure_png(), os.environ['MPLBACKEND'])"
    )
    found = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True)
    assert found.split() == [figure_png(), backend]
