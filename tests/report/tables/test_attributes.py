"""The tables of attributes hold the metrics of the result file, each in its place."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest
from rich.console import Console

from doorlab.errors import ResultError
from doorlab.evaluation.generation.attribute_scores import STATISTICS
from doorlab.report.tables.attributes import attribute_table, attribute_tables

NAMES = ("joint_angle", "handedness", "swing")


@pytest.fixture
def file(run_folder):
    return run_folder / "diagnose" / "diagnosis.json"


@pytest.fixture
def result(file):
    return json.loads(file.read_text())


def rows_of(markup):
    """First cell -> the others, as text."""

    def text(cell):
        return " ".join(unescape(re.sub(r"<[^>]+>", "", cell)).replace("\u00a0", " ").split())

    rows = [
        [text(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
        for row in re.findall(r"<tr>(.*?)</tr>", markup)
    ]
    return {row[0]: row[1:] for row in rows}


def written(estimate):
    low, high = estimate["ci95"]
    return f"{estimate['mean']:.2f} [{low:.2f}, {high:.2f}]"


def test_scores_stand_below_those_of_real_frames(result):
    table, _ = attribute_tables(result)
    rows = rows_of(table)
    real, models = result["attributes"], result["diagnosis"]
    for name, scores in (
        ("real frames", real["scores"]),
        ("real frames, blurred", real["blurred_scores"]),
        ("VAE: reconstructions", models["vae"]["attributes"]["reconstructions"]["scores"]),
    ):
        assert rows[name] == [written(scores[n]) for n in NAMES]
    assert len(rows) == 1 + 2 + 2
    assert "1,120 training doors" in table
    assert "30 held-out doors" in table


def test_statistics_stand_below_those_of_real_doors(result):
    _, table = attribute_tables(result)
    rows = rows_of(table)
    found = result["diagnosis"]["statistician"]["attributes"]["new_frames"]["statistics"]
    assert rows["statistician: new frames of given doors"] == [
        written(found[name]) for name in STATISTICS
    ]
    assert list(rows)[1] == "real frames"
    assert len(rows) == 1 + 1 + 1 + 2


def test_attribute_tables_need_attributes(result, file):
    del result["attributes"]
    assert attribute_tables(result) == []
    file.write_text(json.dumps(result))
    assert attribute_table(file) is None


def test_undefined_scores_are_dashes(result):
    result["attributes"]["scores"]["joint_angle"] = None
    assert rows_of(attribute_tables(result)[0])["real frames"][0] == "\u2013"


def test_attribute_table_prints_scores(file, result):
    console = Console(width=160, record=True)
    console.print(attribute_table(file))
    text = console.export_text()
    score = result["diagnosis"]["statistician"]["attributes"]["reconstructions"]["scores"]["swing"]
    assert f"{score['mean']:.2f} ({score['ci95'][0]:.2f} to {score['ci95'][1]:.2f})" in text
    assert "real frames, blurred" in text


@pytest.mark.parametrize("value", ["x", {"scores": {"swing": 3}}, {"training_doors": -1}])
def test_wrong_attributes_are_refused(result, file, value):
    result["attributes"] = value
    file.write_text(json.dumps(result))
    with pytest.raises(ResultError, match="attributes"):
        attribute_table(file)
