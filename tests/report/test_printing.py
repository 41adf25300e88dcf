"""What commands print when they are done: figures of the result file, and where it is."""

from __future__ import annotations

import json

import pytest

from doorlab import cli
from doorlab.report import printing


def estimate(mean: float) -> dict:
    return {"mean": mean, "ci95": [mean - 0.01, mean + 0.02], "n": 40}


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        (
            {"validation_reward_mse_after_0": estimate(0.05), "parameters": 3}
            | {"validation_reward_mse_after_10": estimate(0.02)},
            "ssnp: squared error of rewards before any interaction 0.0500 (0.0400 to 0.0700), "
            "after 10 interactions 0.0200 (0.0100 to 0.0400) on 40 validation doors; run in ",
        ),
        ({"parameters": 3}, "run in "),
    ],
)
def test_show_training_prints_figures_and_folder(tmp_path, capsys, figures, words):
    metrics = {"stage": "train", "model": "ssnp", "metrics": figures}
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    printing.show_training(tmp_path)
    assert capsys.readouterr().out == f"{words}{tmp_path}\n"


def test_show_training_prints_nothing_for_stopped_run(tmp_path, capsys):
    printing.show_training(tmp_path)
    assert capsys.readouterr().out == ""


RESULTS = {
    "probes.json": {"probes": {"vae": {"swing": {"metric": "accuracy", **estimate(0.71)}}}},
    "diagnosis.json": {
        "diagnosis": {"vae": {"elbo": estimate(1.25), "reconstruction_mse": estimate(0.5)}},
        "reference": {
            part: {"accuracy": estimate(0.5), "mmd2": None} for part in ("content", "texture")
        },
    },
}


@pytest.mark.parametrize(
    ("stage", "file", "shown"),
    [("probe", "probes.json", "0.710"), ("diagnose", "diagnosis.json", "1.250 (1.240 to 1.270)")],
)
def test_show_result_prints_table_with_number_of_doors(
    tmp_path, capsys, monkeypatch, stage, file, shown
):
    monkeypatch.setenv("COLUMNS", "140")
    path = tmp_path / file
    path.write_text(json.dumps({"stage": stage, **RESULTS[file]}))
    printing.show_result(path)
    out = capsys.readouterr().out
    assert shown in out
    assert "doors" in out
    assert " 40 " in out
    assert out.endswith(f"result in {path}\n")


def test_show_result_prints_components_where_probes_have_them(tmp_path, capsys):
    score = {"metric": "accuracy", **estimate(0.83)}
    path = tmp_path / "probes.json"
    for components, shown in (({"vae": {}}, False), ({"vae": {"swing": score}}, True)):
        found = {"stage": "probe", **RESULTS["probes.json"], "components": components}
        path.write_text(json.dumps(found))
        printing.show_result(path)
        out = capsys.readouterr().out
        assert ("0.830" in out) == ("Independent components" in out) == shown
        assert "0.710" in out


def test_shown_stages_have_printing_function():
    # The table is private: to call every stage for its ending would take minutes.
    assert set(cli._SHOWN) <= set(cli.STAGES)
    for name in cli._SHOWN.values():
        assert callable(getattr(printing, name))
