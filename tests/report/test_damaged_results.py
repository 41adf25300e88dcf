"""Reports of result files that are damaged, edited or of another version: every section."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from helpers.damaging import damage_all

from doorlab.errors import ResultError
from doorlab.report.headline import headline
from doorlab.report.run_files import RunFiles
from doorlab.report.sections import heading, sections
from doorlab.result_schemas import SHAPES, read_part

FILES = (
    "dataset/dataset.json", "train/ssnp/model.json", "train/ssnp/metrics.json", "timing.json",
    "probe/probes.json", "diagnose/diagnosis.json", "bandit/regret.json", "plot/plot.json",
    "study/reward.json", "study/bandit.json", "study/claims.json",
)  # fmt: skip
ROUNDS = 2  # with other replacements; all were tried when this was written


@pytest.fixture(scope="module")
def whole(tmp_path_factory, whole_run, study_files) -> Path:
    """A run with every result file, but without figures and most policies, which take time."""
    run = tmp_path_factory.mktemp("damaged") / "run"
    shutil.copytree(whole_run, run, ignore=shutil.ignore_patterns("*.png", "*.mp4"))
    for name, content in {**study_files, "timing.json": {"seconds": {"bandit": 3.5}}}.items():
        folder = run if name == "timing.json" else run / "study"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    file = run / "bandit" / "regret.json"
    regret = json.loads(file.read_text())
    for part in ("policies", "paired_differences"):
        regret[part] = {name: regret[part][name] for name in ("np", "ssnp")}
    file.write_text(json.dumps(regret))
    return run


def make_page(run: Path) -> str:
    files = RunFiles.read((run,))
    return "".join([heading(files), *headline(files), *sections(files).values()])


@pytest.mark.parametrize("file", FILES)
def test_report_page_accepts_every_valid_result(whole, file):
    """Values that the schemas accept must not break the page."""
    path, refused = whole / file, 0
    before = path.read_text()
    try:
        for k in range(ROUNDS):
            document = json.loads(before)
            refused += damage_all(document, SHAPES[path.name], first=5 * k)
            path.write_text(json.dumps(document))
            make_page(whole)
    finally:
        path.write_text(before)
    assert refused > 0


@pytest.mark.parametrize("content", ["", "null", "[]", "{}", '{"metrics": 3}', '{"config": []}'])
@pytest.mark.parametrize("file", FILES)
def test_report_page_omits_rejected_file(whole, file, content):
    path = whole / file
    before = path.read_text()
    try:
        path.write_text(content)
        make_page(whole)
    finally:
        path.write_text(before)


def test_read_part_names_place_of_damage(whole):
    path = whole / "bandit" / "regret.json"
    before = path.read_text()
    try:
        path.write_text(before.replace('"mean_regret": {"mean": ', '"mean_regret": {"average": '))
        with pytest.raises(ResultError, match=r"none of its policies\.\w+\.mean_regret\.mean\."):
            read_part(path)
        page = make_page(whole)
        assert f"{path} can't be read (none of its policies" in page
        assert "`doorlab bandit` creates it." in page
    finally:
        path.write_text(before)
