"""The numbers of the demo, the tables and the pictures of README.md and docs/ against results/."""

from __future__ import annotations

import re
from dataclasses import replace

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
    "SSNP (images of all doors, 800 labeled)": "ssnp",
    "NP end to end (800 labeled)": "np",
    "frozen statistician + NP": "statistician_np",
    "frozen VAE + NP": "vae_np",
    "GP-UCB, without images": "gp_ucb",
    "random": "random",
    "visible oracle": "visible_oracle",
    "oracle": "oracle",
}


def test_demo_regret_table_matches_results():
    shown, found = table("README.md", head="policy | mean regret"), result("demo_regret.json")
    assert {name for name, *_ in shown.rows} == set(POLICIES)
    for name, regret, first in shown.rows:
        policy = found["policies"][POLICIES[name]]
        assert_printed(regret, *interval(policy["mean_regret"]))
        assert_printed(first, policy["first_reward"]["mean"])


def test_demo_sentences_match_results():
    found, seconds = result("demo_regret.json"), result("demo_timing.json")["seconds"]
    ssnp, best, visible = (found["policies"][name] for name in ("ssnp", "np", "visible_oracle"))
    means = {name: policy["mean_regret"]["mean"] for name, policy in found["policies"].items()}
    learned = {name: means[name] for name in ("np", "vae_np", "statistician_np", "gp_ucb")}
    assert min(learned, key=learned.__getitem__) == "np"
    ratio = best["mean_regret"]["mean"] / ssnp["mean_regret"]["mean"]
    assert_stated("README.md", "The policies open 200 doors", found["doors"])
    assert_stated("README.md", "with 10 interactions per door", found["horizon"])
    assert_stated("README.md", "SSNP trains for 2 minutes", round(seconds["ssnp"] / 60))
    assert_stated(
        "README.md", "Its first interaction has reward 0.744; the visible oracle has 0.771",
        ssnp["first_reward"]["mean"], visible["first_reward"]["mean"],
    )  # fmt: skip
    course = ssnp["regret_per_interaction"]
    for sentence, values in {
        "0.26 in the first interaction, 0.04 in the second and 0.03 in the fifth": (
            course[0], course[1], course[4],
        ),
        "Its regret is 132 % larger": (100 * (ratio - 1),),
        "difference 0.073, 0.054 to 0.092": interval(found["paired_differences"]["np"]["ssnp"]),
    }.items():  # fmt: skip
        assert_stated("README.md", sentence, *values)


def test_demo_dataset_page_matches_generator():
    config = generate.PRESETS["tiny"]
    (shown,) = blocks("docs/datasets.md", "text")
    assert result("demo_regret.json")["dataset_checksum"] in shown
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
    shown = table("docs/results.md", head="target | statistician | VAE")
    found = result("demo_probes.json")
    assert [name for name, *_ in shown.rows] == list(PROBED)
    for name, *cells in shown.rows:
        for model, cell in zip(("statistician", "vae"), cells, strict=True):
            assert_printed(cell, found["probes"][model][PROBED[name]]["mean"])
    less = found["differences"]["statistician - vae"]
    assert {name for name in less if less[name]["ci95"][0] > 0} == {"swing"}
    assert {name for name in less if less[name]["ci95"][1] < 0} == {"width", "joint_angle"}
    regrets = result("demo_regret.json")["paired_differences"]["vae_np"]["statistician_np"]
    for sentence, values in {
        "swing only (by 0.19, 0.10 to 0.27)": interval(less["swing"]),
        "width (by 0.04, 0.01 to 0.08)": distance(less["width"]),
        "angle (by 0.06, 0.04 to 0.09)": distance(less["joint_angle"]),
        "(0.016, -0.013 to 0.046)": interval(regrets),
        "(a constant guess has 0.657)": (found["targets"]["latch"]["guessing"],),
        "embeddings of 210 test doors": (found["doors"]["test"],),
    }.items():
        assert_stated("docs/results.md", sentence, *values)


# All tables and pictures

CHECKED = (
    "policy | mean regret", "target | statistician | VAE", "with 10 and with 1,000",
    "target | difference", "labeled doors", "claim | verdict", "head | squared error",
    "on test doors", "measurement", "steps per second",
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
    assert DoorDataset.open(path).checksum == result("demo_regret.json")["dataset_checksum"]
