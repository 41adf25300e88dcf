"""The numbers of the demo, the tables and the pictures of README.md and docs/ against results/."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from helpers.markdown import (
    PAGES,
    ROOT,
    assert_printed,
    assert_stated,
    blocks,
    distance,
    interval,
    prose,
    result,
    table,
    tables,
)
from PIL import Image

from doorlab.data import DoorDataset
from doorlab.stages import generate
from doorlab.storage.files import checksum

# The demo

POLICIES = {
    "contrastive SSNP (images of all doors, 50 labeled)": "contrastive_ssnp",
    "frozen contrastive statistician + NP (50 labeled)": "contrastive_np",
    "NP end to end (50 labeled)": "np",
    "frozen statistician + NP (50 labeled)": "statistician_np",
    "frozen VAE + NP (50 labeled)": "vae_np",
    "shipped SSNP (`narrow`, 3,400 other doors, all labeled)": "ssnp-narrow",
    "GP-UCB, without images": "gp_ucb",
    "random": "random",
    "visible oracle": "visible_oracle",
    "oracle": "oracle",
}
ENCODERS = ("contrastive_statistician", "statistician", "vae")


def test_demo_regret_table_matches_results():
    shown, found = table("README.md", head="policy | mean regret"), result("demo_regret.json")
    assert {name for name, *_ in shown.rows} == set(POLICIES)
    for name, regret, first in shown.rows:
        policy = found["policies"][POLICIES[name]]
        assert_printed(regret, *interval(policy["mean_regret"]))
        assert_printed(first, policy["first_reward"]["mean"])


def test_demo_sentences_match_results():
    found = result("demo_regret.json")
    main = found["policies"]["contrastive_ssnp"]
    assert main["seeds"] == 3
    assert_stated("README.md", "The policies open 200 doors", found["doors"])
    assert_stated("README.md", "with 10 interactions per door", found["horizon"])
    course = main["regret_per_interaction"]
    paired = found["paired_differences"]
    rivals = ("statistician_np", "vae_np", "np")
    more = [paired[name]["contrastive_ssnp"] for name in (*rivals, "contrastive_np")]
    assert all(low <= 0 <= high for low, high in (one["ci95"] for one in more))
    learned = {
        name: found["policies"][name]["mean_regret"]["mean"] for name in (*rivals, "contrastive_np")
    }
    assert min(learned, key=learned.__getitem__) == "contrastive_np"
    angle = result("demo_diagnosis.json")["attributes"]["scores"]["joint_angle"]["mean"]
    rebuilt = reconstructed("contrastive_statistician")["joint_angle"]
    probes = result("demo_probes.json")["probes"]
    for sentence, values in {
        "regret is 0.46 in the first": (course[0],),
        "0.28 in the second and 0.05 in the tenth": (course[1], course[9]),
        "(paired difference -0.001, -0.052 to 0.051)": interval(more[-1]),
        "(by 0.005, 0.026 and 0.044)": (one["mean"] for one in more[:3]),
        "0.96 (0.94 to 0.97), and 0.98 on real": (*interval(rebuilt), angle),
        "handedness 0.976, swing 0.986 and width 0.946 (VAE: 0.895, 0.962 and 0.531)": (
            probes[model][target]["mean"]
            for model in ("contrastive_statistician", "vae")
            for target in ("handedness", "swing", "width")
        ),
    }.items():
        assert_stated("README.md", sentence, *values)


def reconstructed(model: str) -> dict:
    """Scores of the attributes that a network predicts from reconstructions of a model."""
    found = result("demo_diagnosis.json")["diagnosis"][model]
    return found["attributes"]["reconstructions"]["scores"]


def test_demo_dataset_page_matches_generator():
    config = generate.PRESETS["tiny"]
    (shown,) = blocks("docs/datasets.md", "text")
    for count in (config.doors, config.doors * config.frames, config.doors * config.interactions):
        assert f" {count:,} " in shown.replace("\n", " ")
    splits = (config.test_fraction, config.validation_fraction)
    test, validation = (round(config.doors * fraction) for fraction in splits)
    for name, count in (
        ("train", config.doors - test - validation), ("validation", validation), ("test", test),
    ):  # fmt: skip
        assert re.search(rf"{name} +{count:,}\n", shown)


PROBED = {
    "handedness, accuracy": "handedness",
    "swing, accuracy": "swing",
    "latch handle, accuracy": "latch",
    "width, R2": "width",
    "height, R2": "height",
    "handle height, R2": "handle_height",
    "place, R2": "place",
    "opening angle per frame, R2": "joint_angle",
}


def test_demo_probe_table_matches_results():
    shown = table("docs/results.md", head="target | contrastive statistician | statistician | VAE")
    found = result("demo_probes.json")
    assert [name for name, *_ in shown.rows] == list(PROBED)
    for name, *cells in shown.rows:
        for model, cell in zip(ENCODERS, cells, strict=True):
            assert_printed(cell, found["probes"][model][PROBED[name]]["mean"])
    more = found["differences"]["contrastive_statistician - vae"]
    text = prose("docs/results.md")
    better, worse = re.search(
        r"contrastive statistician is better than the VAE on (.*?)\. It is worse on (.*?): ", text
    ).groups()
    for words, sign in ((better, 1), (worse, -1)):
        certain = {name for name in more if (sign * np.array(more[name]["ci95"]) > 0).all()}
        named = re.findall(r"(\w+) \((by [^)]*)\)", words)
        assert {{"angle": "joint_angle"}.get(name, name) for name, _ in named} == certain
        for name, numbers in named:
            values = more[{"angle": "joint_angle"}.get(name, name)]
            assert_printed(numbers, *(interval(values) if sign > 0 else distance(values)))
    for sentence, values in {
        f"(a constant guess has {found['targets']['latch']['guessing']:.3f})": (),
        f"embeddings of {found['doors']['test']} test doors": (),
        "swing, the interval of the difference contains zero (0.02 (-0.00 to 0.05))": interval(
            more["swing"]
        ),
    }.items():
        assert sentence in text
        if values:
            assert_printed(sentence, *values)


def test_demo_attribute_table_matches_results():
    shown, found = (
        table("docs/results.md", head="frames | joint angle"),
        result("demo_diagnosis.json"),
    )
    targets = ("joint_angle", "handedness", "swing")
    scores = (found["attributes"]["scores"], *(reconstructed(model) for model in ENCODERS))
    for (_, *cells), of in zip(shown.rows, scores, strict=True):
        for target, cell in zip(targets, cells, strict=True):
            assert_printed(cell, of[target]["mean"])


def test_demo_sample_table_matches_results():
    shown, found = (
        table("docs/results.md", head="frames | by content"),
        result("demo_diagnosis.json"),
    )
    kinds = [(m, kind) for m in ENCODERS for kind in ("samples", "prior_samples")]
    for (_, *cells), (model, kind) in zip(shown.rows, kinds, strict=True):
        for feature, cell in zip(("content", "texture"), cells, strict=True):
            accuracy = found["diagnosis"][model]["two_sample"][kind][feature]["accuracy"]
            assert_printed(cell, accuracy["mean"])
        assert "mixture of 20 Gaussians" in found["diagnosis"][model]["sampling"]
    one = found["diagnosis"]["contrastive_statistician"]["attributes"]["samples"]["statistics"]
    real = found["attributes"]["statistics"]
    for sentence, name in {
        "(0.88 instead of 0.90)": "handedness_agreement",
        "standard deviation 0.25 instead of 0.44 rad": "angle_std",
    }.items():
        assert_stated("docs/results.md", sentence, one[name]["mean"], real[name]["mean"])


# All tables and pictures

CHECKED = (
    "policy | mean regret", "target | contrastive statistician", "frames | ",
    "with 10 and with 1,000", "target | difference", "labeled doors", "claim | verdict",
    "head | squared error", "on test doors", "measurement", "steps per second",
    "model of earlier versions", "target of five demos", "component of the demo",
)  # fmt: skip
BY_HAND = {  # tables without a result file -> what the page says about them
    "image | with shadows": "It has no result file",
    "step | simulated one by one": "have no result file",
}


@pytest.mark.parametrize("file", PAGES)
def test_other_tables_have_no_results(file):
    for other in tables(file):
        head = " | ".join(other.head)
        excuse = next((said for start, said in BY_HAND.items() if head.startswith(start)), None)
        if excuse:
            assert excuse in prose(file), f"{file} does not say where {head!r} comes from"
        elif not head.startswith(CHECKED):
            values = [cell for row in other.rows for cell in row[1:]]
            found = [cell for cell in values if re.search(r"\b0\.\d\d", cell)]
            assert not found or file == "docs/environment.md", (head, found)


def test_result_files_of_one_run_are_about_the_same_doors():
    for names in (
        ("demo_regret.json", "demo_probes.json"),
        ("reward.json", "bandit.json", "study_claims.json"),
    ):
        assert len({result(name)["dataset_checksum"] for name in names}) == 1, names


PICTURES = [p for p in sorted((ROOT / "docs").glob("*.png")) if p.name != "gallery.png"]


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_figures_were_drawn_from_present_results(picture):
    """`python scripts/make_figures.py` draws them again. The gallery shows doors, not results."""
    with Image.open(picture) as image:
        source = image.info.get("Source", "")
    named = dict(part.split(" ") for part in source.split(", ") if part)
    assert named, "a picture of results says which files it was drawn from"
    for file, noted in named.items():
        assert checksum((ROOT / file).read_bytes()) == noted, f"{file} has changed since"


@pytest.mark.slow
def test_demo_results_are_of_present_doors(tmp_path):
    """Generates them, in a minute or two. If not, the demo is to be measured again."""
    path = generate.run(replace(generate.PRESETS["tiny"], out=tmp_path / "dataset"))
    manifest = DoorDataset.open(path).manifest
    # Results of the demo before `file_checksum` name the checksum that covers the videos, too.
    known = {manifest.checksum, replace(manifest, covers_videos=True).checksum}
    assert result("demo_regret.json")["dataset_checksum"] in known
    assert manifest.checksum in blocks("docs/datasets.md", "text")[0]
