"""The weights that doorlab ships: sizes, cards, predictions, and the files of an installation."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pytest

from doorlab import RewardPredictor, encoder_from_pretrained
from doorlab.doors import Action
from doorlab.models.description import read_description
from doorlab.models.hub.card import model_card
from doorlab.models.hub.locate import shipped_models, shipped_sets
from doorlab.models.io import load_model
from doorlab.studies import demo

ROOT = Path(__file__).parents[3]
MODELS = ROOT / "assets" / "models"
MOST_BYTES = 8_000_000
FRAMES = np.random.default_rng(0).integers(0, 256, (8, 64, 64, 3), dtype=np.uint8)


def disagreements(folder: Path) -> list[str]:
    """What differs between the card of a shipped model and its config.json."""
    document = read_description(folder).document
    card, training = document["card"], document["card"]["training"]
    found = [] if (folder / "README.md").read_text() == model_card(document) else ["the card"]
    found += [] if card["license"] == "mit" else ["the license"]
    known = training["dataset"].get("checksum") == document["dataset_checksum"]
    found += [] if known else ["the dataset"]
    results = card["evaluation"].values()
    found += [] if results else ["no results"]
    found += [
        f"results of {result['dataset_checksum']}"
        for result in results
        if result["dataset_checksum"] != document["dataset_checksum"] or result["split"] != "test"
    ]
    return found


def test_shipped_weights_are_small():
    assert shipped_sets()
    files = [path for path in MODELS.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= MOST_BYTES


@pytest.mark.parametrize("name", shipped_models())
def test_cards_of_shipped_weights_agree_with_their_models(name):
    assert disagreements(shipped_models()[name]) == []
    load_model(shipped_models()[name])  # raises for damaged weights


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("seed of the dataset | 1000", "seed of the dataset | 2000"),
        ("| checksum of the weights | `blake2b:", "| checksum of the weights | `blake2b:0"),
        ("95 % intervals", "99 % intervals"),
    ],
)
def test_altered_card_disagrees(tmp_path, old, new):
    folder = Path(shutil.copytree(MODELS / "narrow/ssnp", tmp_path / "ssnp"))
    text = (folder / "README.md").read_text()
    assert old in text
    (folder / "README.md").write_text(text.replace(old, new))
    assert disagreements(folder) == ["the card"]


@pytest.mark.parametrize("name", shipped_sets())
def test_doors_of_shipped_weights_are_not_those_of_demo(name):
    key = read_description(shipped_models()[f"{name}/ssnp"]).document["card"]["training"]
    assert key["generation_key"]["prior"] == name
    assert key["generation_key"]["seed"] != demo.Config().seed


def test_predictor_with_shipped_weights_is_deterministic_and_bounded():
    predictors = [RewardPredictor.load("narrow"), RewardPredictor.from_pretrained("narrow/ssnp")]
    actions = np.random.default_rng(1).uniform(-1, 1, (20, 4))
    found = []
    for predictor in predictors:
        with np.errstate(all="raise"):
            predictor._familiarity = None  # random pixels are no door
            predictor.observe(FRAMES)
        action = predictor.suggest()
        assert isinstance(action, Action)
        mean, std = predictor.predict(actions)
        assert mean.shape == std.shape == (20,)
        assert ((mean >= 0) & (mean <= 1) & (std >= 0)).all()
        predictor.record(action, 0.5)
        found.append((action, mean.tolist(), predictor.predict(actions)[0].tolist()))
    assert found[0] == found[1]
    assert found[0][1] != found[0][2]  # the interaction changes the predictions


def test_shipped_encoder_is_that_of_reward_model():
    encoder = encoder_from_pretrained("narrow")
    reward = load_model(shipped_models()["narrow/ssnp"])
    own = reward.statistician.state_dict()
    assert all(np.array_equal(v, own[name]) for name, v in encoder.state_dict().items())
    assert encoder.latent_density is not None


def test_every_shipped_file_is_part_of_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["doorlab.assets"]
    for path in MODELS.rglob("*"):
        name = path.relative_to(ROOT / "assets").as_posix()
        assert any(fnmatch(name, pattern) for pattern in patterns), name


def test_names_are_found_in_layout_of_wheel(tmp_path):
    """A wheel has the assets below doorlab, and no folder beside it."""
    for source, place in (("doorlab", "doorlab"), ("assets", "doorlab/assets")):
        ignored = shutil.ignore_patterns("__pycache__", "*.png", "*.obj")
        shutil.copytree(ROOT / source, tmp_path / place, ignore=ignored)
    code = "from doorlab.models.hub.locate import find_model; print(find_model('narrow', 'reward'))"
    # Without site, which would find the editable installation first.
    paths = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    run = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    folder = Path(run.stdout.strip())
    assert folder == tmp_path / "doorlab/assets/models/narrow/ssnp"
    assert json.loads((folder / "config.json").read_text())["kind"] == "ssnp"
