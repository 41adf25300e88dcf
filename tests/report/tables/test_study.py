"""The study's tables and figures against result files that were made by hand."""

from __future__ import annotations

import re
from html import unescape

import numpy as np
import pytest

from doorlab.errors import ResultError
from doorlab.plots.studies import FIGURES, label_subplots
from doorlab.plots.style import new_figure, save_png
from doorlab.report.headline import headline
from doorlab.report.run_files import RunFiles
from doorlab.report.sections import sections
from doorlab.report.tables.study import study_tables
from doorlab.storage.files import atomic_write_json


@pytest.fixture
def folder(tmp_path, study_files):
    for name, content in study_files.items():
        atomic_write_json(tmp_path / name, content)
    return tmp_path


def test_label_subplots_hold_figures_in_order_of_labels(study_files):
    errors, regrets = label_subplots(study_files["reward.json"], study_files["bandit.json"])
    assert errors.curves["np"].x.tolist() == [20, 80]
    assert errors.curves["np"].mean.tolist() == [0.9, 0.4]
    np.testing.assert_allclose(errors.curves["np"].high, [0.92, 0.42])
    assert errors.levels["random"][1] == 1.0  # what always saying the mean would be
    assert regrets.curves["ssnp"].mean.tolist() == [0.123]
    assert regrets.levels == {"gp_ucb": ("GP-UCB", 0.75)}


def test_study_tables_show_every_figure_and_claim(folder):
    errors, regrets, elsewhere, claims = study_tables(folder)
    cells = [[*column.cells] for column in errors.columns]
    assert cells == [["SSNP", "NP"], ["0.600", "0.900"], ["0.300", "0.400"]]
    assert [*regrets.columns[1].cells] == ["0.123", "0.200"]
    assert [*claims.columns[1].cells] == ["yes", "no", "undecided"]
    assert "SSNP" in str(claims.title)
    assert [*elsewhere.columns[1].cells] == ["0.400"]


def test_study_tables_state_sample_sizes(folder, study_files):
    assert all("(50 doors, 3 training seeds)" in str(t.title) for t in study_tables(folder)[:2])
    for seeds, words in ((1, "1 training seed: too few"), (2, "2 training seeds: too few")):
        claimed = {**study_files["claims.json"], "seeds": seeds}
        claimed["claims"] = [
            {**claim, "reproduced": None, "too_small": True} for claim in claimed["claims"]
        ]
        atomic_write_json(folder / "claims.json", claimed)
        *tables, claims = study_tables(folder)
        assert all(words in str(table.title) for table in (*tables, claims))
        assert set(claims.columns[1].cells) == {"study too small"}
        page = sections(RunFiles.read((folder,)))["study"]
        assert page.count(words) == 4
        assert page.count("study too small") == 3


def test_study_tables_reject_result_of_other_stage(folder, study_files):
    atomic_write_json(folder / "reward.json", {**study_files["reward.json"], "stage": "probe"})
    with pytest.raises(ResultError, match="doorlab study"):
        study_tables(folder)


@pytest.mark.parametrize("below", ["", "study"])
def test_sections_include_study_of_run_or_folder(folder, tmp_path_factory, below):
    run = tmp_path_factory.mktemp("run") if below else folder
    if below:
        folder.rename(run / below)
    for name in FIGURES:
        save_png(new_figure(1.0), run / below / f"{name}.png")
    files = RunFiles.read((run,))
    found = sections(files)
    assert list(found) == ["study", "making"]
    words = unescape(re.sub(r"<[^>]+>", " ", found["study"]))
    assert "by <half>" in words
    for answer in ("yes", "no", "undecided", "0.123", "0.600"):
        assert answer in words
    assert found["study"].count("data:image/png") == len(FIGURES)
    assert 'class="note"' not in "".join(found.values())
    (lead,) = headline(files)
    assert "on 50 doors with 3 training seeds: yes: 1, no: 1, undecided: 1." in unescape(lead)


def test_sections_name_missing_study_file(folder):
    (folder / "bandit.json").unlink()
    found = sections(RunFiles.read((folder,)))
    assert (
        f"{folder / 'bandit.json'} can't be read (none): `doorlab study` creates it."
        in found["study"]
    )
