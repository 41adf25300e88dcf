"""Which folders a run is found in, and where what is made of it goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from doorlab.errors import ConfigError, ResultError
from doorlab.run_layout import RunFolders


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with runs side by side, as the README makes them; the working folder is above it."""
    for file in (
        "doors/dataset.json", "ssnp/model.json", "ssnp/metrics.json", "bandit/regret.json",
        "probe/probes.json", "study/claims.json", "study/dataset/dataset.json",
        "study/labeled-4/np/model.json", "unfinished/checkpoint.pt", ".old/model.json",
        "demo/dataset/dataset.json", "demo/pretrain/vae/model.json", "demo/train/np/model.json",
        "demo/bandit/regret.json", "demo/timing.json", "demo/plot/plot.json",
    ):  # fmt: skip
        path = tmp_path / "runs" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    monkeypatch.chdir(tmp_path)
    return Path("runs")


def test_run_folders_finds_run_or_its_parts(runs):
    found = RunFolders.find([runs])
    assert found.models == [runs / "ssnp"]
    assert found.dataset() == runs / "doors"
    assert found.result("bandit") == runs / "bandit" / "regret.json"
    assert found.result("study") == runs / "study" / "claims.json"
    assert found.result("diagnose") is None
    assert RunFolders.find([runs / "bandit"]).models == []


def test_run_folders_finds_parts_of_demo(runs):
    found = RunFolders.find([runs / "demo"])
    assert found.models == [runs / "demo/pretrain/vae", runs / "demo/train/np"]
    assert found.dataset() == runs / "demo/dataset"
    assert found.timing == runs / "demo/timing.json"
    assert found.plots == [runs / "demo/plot"]


def test_run_folders_of_study_hides_its_training_runs(runs):
    found = RunFolders.find([runs / "study"])
    assert found.dataset() == runs / "study/dataset"
    assert found.models == []


def test_run_folders_ignores_repeated_runs(runs):
    assert RunFolders.find([runs, runs / "ssnp", runs / "../runs/ssnp"]).models == [runs / "ssnp"]


def test_run_folders_uses_first_dataset(runs):
    assert RunFolders.find([runs / "study", runs / "doors"]).dataset() == runs / "study/dataset"


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (["bandit"], "bandit/report"),
        (["demo"], "demo/report"),
        (["doors"], "doors-report"),
        (["doors", "ssnp"], "report"),
        (["demo", "demo/bandit"], "demo/report"),
        (["doors/../doors"], "doors-report"),
    ],
)
def test_run_folders_output_has_default_place(runs, named, expected):
    found = RunFolders.find([runs / name for name in named])
    assert found.output("report") == runs / expected
    whole = RunFolders.find([(runs / name).absolute() for name in named])
    assert whole.output("report") == (runs / expected).absolute()


def test_run_folders_accepts_working_directory_as_dataset(runs, monkeypatch):
    monkeypatch.chdir(runs / "doors")
    assert RunFolders.find([Path(".")]).output("report") == Path("../doors-report")


def test_run_folders_output_is_never_inside_dataset(runs):
    (runs / "doors" / "ssnp").mkdir()
    (runs / "doors" / "ssnp" / "model.json").write_text("{}")
    found = RunFolders.find([runs / "doors", runs / "doors" / "ssnp"])
    with pytest.raises(ConfigError, match="Give --out"):
        found.output("plot")


def test_run_folders_finds_plots_of_several_runs(runs):
    named = [runs / "doors", runs / "ssnp"]
    (runs / "plot").mkdir()
    (runs / "plot" / "plot.json").write_text("{}")
    assert RunFolders.find(named).plots == [runs / "plot"]


def test_run_folders_rejects_ambiguous_runs(runs):
    with pytest.raises(ConfigError, match=r"one result of `doorlab bandit`, but got 2: .* --runs"):
        RunFolders.find([runs, runs / "demo"])
    (runs / "more").mkdir()
    (runs / "more" / "dataset.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"one dataset in runs, but got 2"):
        RunFolders.find([runs]).dataset()
    with pytest.raises(ConfigError, match="at least one run"):
        RunFolders.find([])


def test_run_folders_rejects_folder_without_run(runs):
    with pytest.raises(ResultError, match="a finished run of pretrain"):
        RunFolders.find([runs / "unfinished"])
    with pytest.raises(ResultError, match="got nothing there"):
        RunFolders.find([runs / "nowhere"])
    with pytest.raises(ResultError, match="got a file"):
        RunFolders.find([runs / "demo" / "timing.json"])
