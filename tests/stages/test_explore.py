"""The explore stage: one page that needs nothing else, and errors for what can't be shown."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from helpers.browser import Browser
from helpers.small_networks import TINY
from PIL import Image

from doorlab import cli
from doorlab.configs import updated
from doorlab.data import GenerationConfig, write_dataset
from doorlab.errors import DoorlabError, ResultError
from doorlab.explorer import page as explorer_page
from doorlab.explorer.page import MAX_BYTES, check_size, page
from doorlab.stages import explore, pretrain, report, train


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with a statistician and a reward model that learned next to nothing."""
    folder = tmp_path_factory.mktemp("explored")
    doors = GenerationConfig(
        doors=12, frames=2, interactions=6, image_size=32, simulator="torch", videos=0,
        validation_fraction=0.2, test_fraction=0.2,
    )  # fmt: skip
    write_dataset(folder / "dataset", doors)
    sizes = {"data": folder / "dataset", "steps": 1, "batch_size": 2, "frames": 2, "device": "cpu"}
    for stage, kind, more in (
        (pretrain, "statistician", {}),
        (train, "np", {"context": 2, "targets": 4}),
    ):
        out = folder / stage.__name__.rpartition(".")[2] / kind
        config = updated(stage.Config(), model=kind, out=out, architecture=TINY, **sizes, **more)
        stage.run(config)
    return folder


@pytest.fixture(scope="module")
def written(run):
    """The page of the run."""
    return explore.run(explore.Config(runs=(run,), doors=2))


def document(path):
    found = re.search(r'id="data">(.*?)</script>', path.read_text(encoding="utf-8"), re.DOTALL)
    return json.loads(found[1])


def test_page_is_self_contained_and_small(run, written):
    assert written == run / "report" / "explore.html"
    text = written.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert written.stat().st_size <= MAX_BYTES
    assert not re.search(r"https?:", text)
    assert not re.findall(r'(?:src|href)="(?!#|data:)', text)
    assert not re.search(r"\b(fetch|XMLHttpRequest|import)\s*\(", text)
    assert not re.search("@[A-Z]+@", text)


def test_page_shows_held_out_doors_with_true_rewards(written):
    data = document(written)
    assert (data["statistician"], data["model"]) == ("statistician", "NP")
    assert len(data["doors"]) == 2
    for door in data["doors"]:
        assert len(door["frames"]) == len(door["z"]) == 2
        rewards = np.concatenate([np.ravel(r) for r in door["slices"]["rewards"].values()])
        assert ((rewards >= 0) & (rewards <= 1)).all()
        assert len(door["openings"]) == data["openings"]
    assert np.shape(data["latents"]["c"]["axes"]) == (6, TINY.context_dim)
    assert data["policies"] == []


@pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no chromium")
def test_page_works_in_browser(written, tmp_path):
    page = subprocess.run(
        [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            f"--user-data-dir={tmp_path}", "--virtual-time-budget=2000", "--dump-dom",
            written.resolve().as_uri(),
        ],
        capture_output=True, text=True, check=True, timeout=120,
    ).stdout  # fmt: skip
    assert re.search(r'<p [^>]*id="trouble"[^>]* hidden', page)
    assert "After 0 interactions: mean absolute error" in page
    assert "the best predicted mean on this slice is" in page
    assert page.count('class="slider"') == 6 + TINY.instance_dim + 1


@pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no chromium")
def test_page_follows_finger(written, tmp_path):
    """A tap records an interaction; a drag moves the point on the map of c."""
    with Browser(written.resolve().as_uri(), tmp_path, 400, 800) as browser:
        browser.send("Emulation.setTouchEmulationEnabled", enabled=True)
        browser.touch("#map-mean", (0.37, 0.41))
        assert browser.evaluate("document.querySelectorAll('#reward-table tbody tr').length") == 1
        said = browser.evaluate("document.getElementById('reward-readout').textContent")
        assert said.startswith("After 1 interaction, at direction ")
        degrees = float(re.search(r"direction (.?\d+)\u00b0", said)[1].replace("\u2212", "-"))
        assert (degrees + 90) % 15  # between two cells
        value = "document.querySelector('#sliders-c input').value"
        before = float(browser.evaluate(value))
        browser.touch("#map", (0.5, 0.5), (0.7, 0.5), (0.85, 0.4))
        assert float(browser.evaluate(value)) > before + 0.5
        assert browser.evaluate("document.getElementById('trouble').hidden")


def test_report_links_to_page_beside_it(run, written):
    path = report.run(report.Config(runs=(run,), overwrite=True))
    assert path.parent == written.parent
    assert 'href="explore.html"' in path.read_text(encoding="utf-8")


def test_page_is_never_replaced_silently(run, written):
    before = written.read_bytes()
    with pytest.raises(ResultError, match="--overwrite"):
        explore.run(explore.Config(runs=(run,), doors=1))
    assert written.read_bytes() == before


def test_run_without_reward_model_is_rejected_in_one_line(run, tmp_path, capsys):
    arguments = ["explore", "--run", str(run / "dataset"), "--out", str(tmp_path / "x" / "p.html")]
    assert cli.main(arguments) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "`doorlab pretrain` was not run" in said
    assert list(tmp_path.iterdir()) == []


def test_footage_is_rejected_in_one_line(run, tmp_path, capsys):
    """The run's dataset is replaced by imported images."""
    for door in range(4):
        (tmp_path / "photos" / str(door)).mkdir(parents=True)
        for frame in range(2):
            image = np.full((40, 40, 3), 40 * door + frame, np.uint8)
            Image.fromarray(image).save(tmp_path / "photos" / str(door) / f"{frame}.png")
    footage = tmp_path / "footage"
    arguments = ["import", str(tmp_path / "photos"), "--out", str(footage / "dataset")]
    arguments += ["--frames", "2", "--image-size", "32", "--workers", "1"]
    assert cli.main([*arguments, "--test-fraction", "0.5"]) == 0
    capsys.readouterr()
    models = [str(run / "pretrain" / "statistician"), str(run / "train" / "np")]
    assert cli.main(["explore", "--run", str(footage), "--models", *models]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "Expected a simulated dataset, because the page shows rewards" in said
    assert "was imported" in said


def test_too_large_page_is_rejected():
    with pytest.raises(DoorlabError, match=r"at most 8 MB, but got 9\.0 MB"):
        check_size("x" * 9_000_000)


def test_text_of_data_cannot_end_its_script():
    text = page({"run": "</script><script>@SCRIPT@"})
    assert text.count("<script") == 2
    assert json.loads(re.search(r'id="data">(.*?)</script>', text)[1])["run"].endswith("@")


def test_scripts_are_short():
    for name in explorer_page.SCRIPTS:
        assert len(explorer_page.asset(name).splitlines()) < 400, name
