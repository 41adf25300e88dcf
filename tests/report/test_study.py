"""The study's tables and panels against result files that were made by hand."""

from __future__ import annotations

import re
from html import unescape

import numpy as np
import pytest

from doorlab.errors import ResultError
from doorlab.files import atomic_write_json
from doorlab.report.run_files import RunFiles
from doorlab.report.sections import headings, sections
from doorlab.report.study import FIGURES, label_panels, study_tables
from doorlab.report.style import new_figure, save_png


def estimate(mean):
    return {"mean": mean, "ci95": [mean - 0.01, mean + 0.02], "n": 50}


def along(metric, means):
    return {str(n): {metric: estimate(mean)} for n, mean in means.items()}


REWARD = {
    "stage": "study",
    "models": {
        "np": along("reward_mse_over_variance", {80: 0.4, 20: 0.9}),
        "ssnp": along("reward_mse_over_variance", {20: 0.6, 80: 0.3}),
    },
}
BANDIT = {
    "stage": "study",
    "policies": {"np": along("mean_regret", {80: 0.2}), "ssnp": along("mean_regret", {80: 0.123})},
    "baselines": {"gp_ucb": {"mean_regret": estimate(0.75)}},
}
CLAIMS = {
    "stage": "study", "ours": "ssnp", "doors": 50, "seeds": 3,
    "claims": [
        {"claim": "it is better", "reproduced": True, "how_much": "by <half>"},
        {"claim": "it is faster", "reproduced": False, "how_much": "1.2"},
        {"claim": "it is cheaper", "reproduced": None, "how_much": "not studied"},
    ],
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    for name, content in (("reward", REWARD), ("bandit", BANDIT), ("claims", CLAIMS)):
        atomic_write_json(tmp_path / f"{name}.json", content)
    return tmp_path


def test_panels_hold_the_figures_in_the_order_of_the_labels():
    errors, regrets = label_panels(REWARD, BANDIT)
    assert errors.curves["np"].x.tolist() == [20, 80]
    assert errors.curves["np"].mean.tolist() == [0.9, 0.4]
    np.testing.assert_allclose(errors.curves["np"].high, [0.92, 0.42])
    assert errors.levels["random"][1] == 1.0  # what always saying the mean would be
    assert regrets.curves["ssnp"].mean.tolist() == [0.123]
    assert regrets.levels == {"gp_ucb": ("GP-UCB", 0.75)}


def test_the_terminal_shows_every_figure_and_every_answer(folder):
    errors, regrets, claims = study_tables(folder)
    cells = [[*column.cells] for column in errors.columns]
    assert cells == [["SSNP", "NP"], ["0.600", "0.900"], ["0.300", "0.400"]]
    assert [*regrets.columns[1].cells] == ["0.123", "0.200"]
    assert [*claims.columns[1].cells] == ["yes", "no", "can't tell"]
    assert "SSNP" in str(claims.title)


def test_a_result_of_another_stage_is_refused(folder):
    atomic_write_json(folder / "reward.json", {**REWARD, "stage": "probe"})
    with pytest.raises(ResultError, match="doorlab study"):
        study_tables(folder)


@pytest.mark.parametrize("below", ["", "study"])
def test_the_page_has_the_study_of_a_run_or_of_the_folder_itself(folder, tmp_path_factory, below):
    run = tmp_path_factory.mktemp("run") if below else folder
    if below:
        folder.rename(run / below)
    for name in FIGURES:
        save_png(new_figure(1.0), run / below / f"{name}.png")
    files = RunFiles.read(run)
    assert list(headings(files))[-1] == "study"
    (markup,) = [s for s in sections(files) if 'id="study"' in s]
    words = unescape(re.sub(r"<[^>]+>", " ", markup))
    assert "by <half>" in words
    for answer in ("yes", "no", "can't tell", "0.123", "0.600"):
        assert answer in words
    assert markup.count("data:image/png") == len(FIGURES)


def test_half_a_study_is_none(folder):
    (folder / "bandit.json").unlink()
    files = RunFiles.read(folder)
    assert files.study == {}
    assert "study" not in headings(files)
