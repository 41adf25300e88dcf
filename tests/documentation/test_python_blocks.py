"""The Python of the pages runs, with a small model and dataset in place of those of the demo."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from helpers.markdown import PAGES, blocks, result
from helpers.small_networks import TINY

from doorlab.models.io import save_model
from doorlab.models.registry import build_model
from doorlab.stages import generate


@pytest.fixture(scope="session")
def demo_like(tmp_path_factory):
    """A folder with the dataset and the model of the demo, both small."""
    folder = tmp_path_factory.mktemp("documentation")
    config = replace(
        generate.PRESETS["tiny"], out=folder / "runs/demo/dataset", doors=48, test_fraction=0.1,
        videos=0, workers=1,
    )  # fmt: skip
    generate.run(config)
    torch.manual_seed(0)
    model = build_model("ssnp", 64, TINY)
    save_model(folder / "runs/demo/train/contrastive_ssnp", model, "ssnp", 64, TINY)
    (folder / "runs/demo/bandit").mkdir()
    (folder / "runs/demo/bandit/regret.json").write_text(json.dumps(result("demo_regret.json")))
    return folder


WITH_PYTHON = [file for file in PAGES if blocks(file, "python")]


@pytest.mark.parametrize("file", WITH_PYTHON)
def test_python_blocks_run(file, demo_like, tmp_path):
    """One after the other, in one process; arrays in comments are what is printed."""
    script = tmp_path / "blocks.py"
    script.write_text("\n".join(blocks(file, "python")))
    done = subprocess.run(
        [sys.executable, script], cwd=demo_like, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    for shown in re.findall(r"print\(.*\)  # (\(?[\d\[][^:\n]*)", script.read_text()):
        assert shown.strip() in done.stdout, f"{file} shows {shown!r}"
