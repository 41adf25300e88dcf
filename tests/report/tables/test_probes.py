"""Tables and figures of probes against the result that they are made from."""

from __future__ import annotations

import html
import json
import re

import pytest
from rich.console import Console

from doorlab.errors import ResultError
from doorlab.intervals import Estimate, sample_size
from doorlab.plots.studies import probe_subplots
from doorlab.plots.style import new_figure, save_png
from doorlab.report.page import DASH
from doorlab.report.run_files import RunFiles
from doorlab.report.sections import sections
from doorlab.report.tables.probes import probe_tables, study_tables


def figure(mean: float, metric: str = "r2") -> dict:
    return {"metric": metric, **Estimate(mean, (mean - 0.05, mean + 0.05), 9).to_json()}


@pytest.fixture
def result() -> dict:
    """Of four models, along one axis."""
    levels = {"statistician": 0.91, "vae": 0.61, "pca": 0.71, "supervised": 0.99}
    return {
        "statisticians": ["statistician"],
        "probes": {
            m: {"swing": figure(x, "accuracy"), "joint_angle": figure(x - 0.2)}
            for m, x in levels.items()
        },
        "differences": {
            f"statistician - {m}": {"swing": figure(levels["statistician"] - levels[m])}
            for m in ("vae", "pca")
        },
        "latents": {
            m: {"context": {"joint_angle": figure(0.011)}, "instance": {"joint_angle": figure(x)}}
            for m, x in levels.items()
        },
        "curves": {
            "frames": {
                "at": [1, 2, 8],
                "scores": {
                    m: {
                        "swing": [figure(x - 0.1 / n, "accuracy") for n in (1, 2, 8)],
                        "joint_angle": [None, figure(x), figure(x)],
                    }
                    for m, x in levels.items()
                },
            }
        },
        "targets": {
            "swing": {"label": "swing", "metric": "accuracy", "unit": "", "guessing": 0.55},
            "joint_angle": {"label": "joint angle", "metric": "r2", "unit": "rad", "guessing": 0.0},
        },
        "seeds": 3,
        "doors": {"train": 100, "validation": 20, "test": 60},
        "vs_best_baseline": {"statistician": {"swing": {"rival": "pca", **figure(0.2)}}},
        "bars": {
            "statistician": {
                "swing": {**figure(0.91), "bar": 0.98, "reached": False},
                "joint_angle": {**figure(0.71), "bar": 0.5, "reached": True},
            },
        },
    }


def words(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def test_probe_tables_have_column_per_model_and_differences(result):
    scores, differences, latents = probe_tables(result)
    text = words(scores)
    assert "statistician VAE PCA supervised (reference)" in text
    assert "swing accuracy 0.910 [0.860, 0.960] 0.610" in text
    assert 'class="best">0.990' in scores
    text = words(differences)
    assert "statistician minus VAE PCA" in text
    assert "swing 0.300 [0.250, 0.350] 0.200 [0.150, 0.250]" in text
    text = words(latents)
    assert "statistician: c z" in text
    assert "VAE: door frame" in text
    assert "0.011 [-0.039, 0.061] 0.910" in text
    assert "PCA" not in text  # a context-free model's two latents are one


def test_component_table_has_a_column_per_model(result):
    result["components"] = {
        "statistician": {"handedness": figure(0.95, "accuracy"), "swing": figure(0.9, "accuracy")},
        "vae": {"swing": figure(0.55, "accuracy")},
    }
    text = words(probe_tables(result)[1])
    assert "statistician VAE" in text
    assert "handedness accuracy 0.950 [0.900, 1.000] " + DASH in text
    assert "swing accuracy 0.900 [0.850, 0.950] 0.550 [0.500, 0.600]" in text
    assert "9 held-out doors" in text


def test_probe_subplots_hold_curves_without_gaps(result):
    swing, angle = probe_subplots(result, "frames")
    assert (swing.label, swing.metric, swing.guessing) == ("swing", "accuracy", 0.55)
    assert swing.curves["vae"].x.tolist() == [1, 2, 8]
    assert swing.curves["vae"].mean == pytest.approx([0.51, 0.56, 0.5975])
    assert angle.curves["pca"].x.tolist() == [2, 8]
    assert angle.curves["pca"].low == pytest.approx([0.66, 0.66])


def test_probe_study_tables_show_scores_and_thresholds(result, tmp_path):
    path = tmp_path / "representation.json"
    path.write_text(json.dumps({"stage": "represent", "priors": {"narrow": result}}))
    console = Console(width=140, force_terminal=False)
    with console.capture() as capture:
        for table in study_tables(path):
            console.print(table)
    lines = [" ".join(re.findall(r"[^│\s]+", line)) for line in capture.get().splitlines()]
    assert "swing 9 0.910 0.610 0.710 0.990" in lines
    assert "swing 0.910 (0.860 to 0.960) 0.200 (0.150 to 0.250) PCA 0.98 no" in lines
    assert f"joint angle 0.710 (0.660 to 0.760) {DASH} {DASH} 0.50 yes" in lines


@pytest.mark.parametrize(("seeds", "doors"), [(1, 60), (2, 60), (3, 49)])
def test_probe_study_tables_mark_small_studies(result, tmp_path, seeds, doors):
    path = tmp_path / "representation.json"
    small = {**result, "seeds": seeds, "doors": {"test": doors}}
    path.write_text(json.dumps({"stage": "represent", "priors": {"narrow": small}}))
    *_, bars = study_tables(path)
    assert set(bars.columns[-1].cells) == {"study too small"}
    assert f"({sample_size(doors, seeds)})" in str(bars.title)


def test_probe_study_tables_reject_result_of_other_stage(run_folder):
    with pytest.raises(ResultError, match="doorlab represent"):
        study_tables(run_folder / "probe" / "probes.json")


def test_sections_include_representation_study(result, tmp_path):
    (tmp_path / "representation.json").write_text(json.dumps({"priors": {"narrow": result}}))
    for axis in ("frames", "doors"):
        save_png(new_figure(1.0), tmp_path / f"narrow_{axis}.png")
    found = sections(RunFiles.read((tmp_path,)))
    assert list(found) == ["representation", "making"]
    assert "on doors of the prior narrow" in found["representation"]
    assert "60 doors, 3 training seeds." in found["representation"]
    assert "0.910 [0.860, 0.960]" in words(found["representation"])
    assert found["representation"].count("data:image/png") == 2
