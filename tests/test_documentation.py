"""README.md and docs/: numbers against results/, Python run, commands parsed, links followed."""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import inspect
import io
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
import tyro
from helpers.small_networks import TINY
from PIL import Image

from doorlab import cli
from doorlab.data import DoorDataset
from doorlab.models.io import save_model
from doorlab.models.registry import build_model
from doorlab.stages import generate
from doorlab.storage.files import checksum

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


# Reading Markdown


@dataclass(frozen=True)
class Table:
    """A table of a Markdown file: its header, and its rows."""

    head: list[str]
    rows: list[list[str]]


def text_of(file: str) -> str:
    return (ROOT / file).read_text()


def tables(file: str) -> list[Table]:
    found: list[list[list[str]]] = [[]]
    for line in text_of(file).splitlines():
        if line.startswith("|"):
            found[-1].append([cell.strip() for cell in line.strip("|").split("|")])
        elif found[-1]:
            found.append([])
    return [Table(head, rows) for head, _, *rows in filter(None, found)]


def table(file: str, *, head: str, number: int = 0) -> Table:
    """The table of a file whose header begins so; of several, the one of that number."""
    return [t for t in tables(file) if " | ".join(t.head).startswith(head)][number]


def blocks(file: str, language: str) -> list[str]:
    return [code for kind, code in BLOCK.findall(text_of(file)) if kind == language]


def prose(file: str) -> str:
    """The text without blocks of code, on one line."""
    return " ".join(BLOCK.sub("", text_of(file)).split())


def inline_code(file: str) -> list[str]:
    return re.findall(r"`([^`]+)`", prose(file))


# Comparing numbers


def result(name: str) -> dict[str, Any]:
    return json.loads((ROOT / "results" / name).read_text())


def metrics(name: str) -> dict[str, Any]:
    document = result(name)
    return document["metrics" if "metrics" in document else "figures"]


def assert_printed(text: str, *values: float) -> None:
    """The numbers in a text are the values, rounded to as many digits as are printed."""
    printed = NUMBER.findall(text)
    assert len(printed) == len(values), f"{text!r} has not {len(values)} numbers"
    for number, value in zip(printed, values, strict=True):
        whole, _, decimals = number.replace(",", "").partition(".")
        zeros = 0 if decimals else len(whole) - len(whole.rstrip("0"))
        unit = 10.0 ** (-len(decimals) if decimals else zeros if int(whole) else 0)
        rounded = float(number.replace(",", ""))
        assert abs(rounded - value) <= 0.5 * unit * (1 + 1e-9), f"{text!r} is printed for {value}"


def assert_stated(file: str, sentence: str, *values: float) -> None:
    """The prose contains the sentence, and its numbers are the values."""
    assert sentence in prose(file), f"{file} does not say {sentence!r}"
    assert_printed(sentence, *values)


def interval(estimate: dict[str, Any]) -> Iterator[float]:
    """As it is printed: 0.118 (0.101 to 0.135), or 0.887 [0.862, 0.911]."""
    yield from (estimate["mean"], *estimate["ci95"])


def distance(estimate: dict[str, Any]) -> tuple[float, float, float]:
    """A negative difference as it is printed: 0.04 (0.01 to 0.08)."""
    low, high = estimate["ci95"]
    return -estimate["mean"], -high, -low


# The demo

POLICIES = {
    "SSNP (images of all doors, 800 labelled)": "ssnp",
    "NP end to end (800 labelled)": "np",
    "frozen statistician + NP": "statistician_np",
    "frozen VAE + NP": "vae_np",
    "GP-UCB, without images": "gp_ucb",
    "random": "random",
    "visible oracle": "visible_oracle",
    "oracle": "oracle",
}


def test_the_regrets_of_the_demo():
    shown, found = table("README.md", head="policy | mean regret"), result("demo_regret.json")
    assert {name for name, *_ in shown.rows} == set(POLICIES)
    for name, regret, first in shown.rows:
        policy = found["policies"][POLICIES[name]]
        assert_printed(regret, *interval(policy["mean_regret"]))
        assert_printed(first, policy["first_reward"]["mean"])


def test_the_sentences_on_the_demo():
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


def test_the_dataset_of_the_demo():
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


def test_the_probes_of_the_demo():
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


# The representation study

EMBEDDINGS = {
    "contrastive statistician": "contrastive_statistician",
    "statistician": "statistician",
    "VAE": "vae",
    "autoencoder": "autoencoder",
    "PCA": "pca",
    "supervised: the ceiling": "supervised",
}
TARGETS = ("handedness", "swing", "width", "height", "place", "joint_angle")
STUDIES = [(0, "representation.json", "narrow"), (1, "representation_default.json", "default")]


@pytest.mark.parametrize(("number", "file", "prior"), STUDIES)
def test_the_scores_of_probes(number, file, prior):
    shown = table("docs/results.md", head="with 10 and with 1,000 labelled doors", number=number)
    curves = result(file)["priors"][prior]["curves"]["doors"]
    places = [curves["at"].index(doors) for doors in (10, 1000)]
    for name, *cells in shown.rows:
        for target, cell in zip(TARGETS, cells, strict=True):
            scores = curves["scores"][EMBEDDINGS[name]][target]
            assert_printed(cell, *(scores[place]["mean"] for place in places))


def test_the_differences_of_probes():
    found = result("representation_default.json")["priors"]["default"]
    ahead = found["vs_best_baseline"]["contrastive_statistician"]
    shown = table("docs/results.md", head="target | difference")
    for name, cell in shown.rows:
        assert_printed(cell, *interval(ahead["joint_angle" if name == "angle" else name]))
    missed = {name for name, bar in found["bars"]["contrastive_statistician"].items()
              if not bar["reached"]}  # fmt: skip
    assert missed == {"width", "joint_angle"}
    ceiling = found["probes"]["supervised"]
    narrow = result("representation.json")["priors"]["narrow"]["vs_best_baseline"]
    place = narrow["contrastive_statistician"]["place"]
    swing = narrow["statistician"]["swing"]
    assert place["rival"] == swing["rival"] == "pca"
    for sentence, values in {
        "width and angle (0.93 each)": (found["bars"]["contrastive_statistician"]["width"]["bar"],),
        "has 0.92 and 0.93": (ceiling["width"]["mean"], ceiling["joint_angle"]["mean"]),
        "PCA is better on place (by 0.008, 0.001 to 0.015)": distance(place),
        "(difference -0.198, -0.413 to 0.013)": interval(swing),
    }.items():
        assert_stated("docs/results.md", sentence, *values)


def test_the_sentences_on_probes():
    found = result("representation.json")
    config, narrow = found["config"], found["priors"]["narrow"]
    training = config["doors"] * (1 - config["test_fraction"] - config["validation_fraction"])
    counts = (training, 8, narrow["doors"]["test"], narrow["seeds"])
    sentence = (
        "trains every model on the frames of 3,840 doors, and evaluates linear probes on 8 frames "
        "of each of 720 test doors, with 3 seeds"
    )
    assert_stated("docs/results.md", sentence, *counts)
    better = {
        (rival, target): _side(narrow["differences"][f"contrastive_statistician - {rival}"][target])
        for rival in ("pca", "autoencoder", "vae")
        for target in ("swing", "height", "place")
    }
    assert better["pca", "swing"] == 0  # "PCA is equal on swing"
    assert [better[rival, "height"] for rival in ("autoencoder", "vae", "pca")] == [0, 0, 0]
    assert (better["pca", "place"], better["autoencoder", "place"]) == (-1, 0)
    place = narrow["differences"]["contrastive_statistician - autoencoder"]["place"]
    assert_stated("docs/results.md", "not certain (0.007, -0.000 to 0.014)", *distance(place))


def _side(estimate: dict[str, Any]) -> int:
    """1 where a difference is above zero with certainty, -1 where it is below, else 0."""
    low, high = estimate["ci95"]
    return int(low > 0) - int(high < 0)


def test_the_comparison_with_the_contrastive_statistician_in_the_departures():
    for sentence, (file, prior), names in (
        ("handedness 1.000 instead of 0.959, swing 1.000 instead of 0.799, angle 0.958 instead of "
         "0.406, place 0.986 instead of 0.989", STUDIES[0][1:],
         ("handedness", "swing", "joint_angle", "place")),
        ("0.993 instead of 0.709, 0.999 instead of 0.604, 0.779 instead of 0.381, 0.958 instead of "
         "0.880", STUDIES[1][1:], ("handedness", "swing", "joint_angle", "place")),
    ):  # fmt: skip
        probes = result(file)["priors"][prior]["probes"]
        models = [probes[name] for name in ("contrastive_statistician", "statistician")]
        values = [model[name]["mean"] for name in names for model in models]
        assert_stated("docs/departures.md", sentence, *values)
    latents = result("representation.json")["priors"]["narrow"]["latents"]
    z = {name: score["mean"] for name, score in
         latents["contrastive_statistician"]["instance"].items() if score}  # fmt: skip
    shown = "handedness 58 %, swing 58 %, width 0.54, height 0.53, place 0.05"
    values = (100 * z["handedness"], 100 * z["swing"], z["width"], z["height"], z["place"])
    assert_stated("docs/departures.md", shown, *values)


# The label-efficiency study

MODELS = {
    "contrastive SSNP": "contrastive_ssnp",
    "frozen contrastive statistician + NP": "contrastive_np",
    "SSNP with the plain statistician": "ssnp",
    "NP end to end": "np",
    "frozen statistician + NP": "statistician_np",
    "frozen VAE + NP": "vae_np",
}


def test_the_regrets_by_the_number_of_labels():
    shown, policies = (
        table("docs/results.md", head="labelled doors"),
        result("bandit.json")["policies"],
    )
    counts = [count.replace(",", "") for count in shown.head[1:]]
    assert {name for name, *_ in shown.rows} == set(MODELS)
    for name, *cells in shown.rows:
        found = policies[MODELS[name]]
        assert list(found) == counts
        for count, cell in zip(counts, cells, strict=True):
            assert_printed(cell, found[count]["mean_regret"]["mean"])


CLAIMS = {
    "with at most 160": "half_of_variance",
    "with every number": "beats_rivals",
    "it reaches": "fewer_labels",
    "on doors with a latch": "adapts",
    "the mean regret is at most 0.7": "beats_context_free",
    "the mean regret is at most 0.25": "beats_gp_ucb",
    "the first interaction": "first_try",
}


def test_the_claims():
    """Failed ones are shown as such, in the same table; the README counts them."""
    claims = {claim["name"]: claim for claim in result("study_claims.json")["claims"]}
    shown = table("docs/results.md", head="claim | verdict | measured")
    measured = {}
    for text, verdict, values in shown.rows:
        (name,) = (name for start, name in CLAIMS.items() if text.startswith(start))
        assert verdict == ("reproduced" if claims[name]["reproduced"] else "**not reproduced**")
        measured[name] = values
    assert set(measured) == set(claims)
    good = sum(claim["reproduced"] for claim in claims.values())
    sentence = f"{good} of {len(claims)} claims are reproduced and {len(claims) - good} are not"
    assert sentence in prose("README.md")
    entries = {name: claim["metrics" if "metrics" in claim else "figures"]
               for name, claim in claims.items()}  # fmt: skip
    errors = [entry["error_over_variance"]["mean"] for entry in entries["half_of_variance"]]
    rival = result("reward.json")["models"]["np"]
    np_errors = [rival[count]["reward_mse_over_variance"]["mean"] for count in ("20", "40")]
    shares = (20, errors[0], 40, errors[1], *np_errors)
    text = measured["half_of_variance"]
    numbers = re.sub(r"(0\.\d+) with (\d+)", r"\2 \1", text)  # as in `shares`
    assert_printed(numbers, *shares)
    pairs = [entry["difference"] for entry in entries["beats_rivals"]]
    below = sum(pair["mean"] < 0 for pair in pairs)
    certain = sum(pair["ci95"][1] < 0 for pair in pairs)
    assert_printed(measured["beats_rivals"], below, len(pairs), certain)
    needed = [(entry["least_that_reaches"], entry["labelled_np"])
              for entry in entries["fewer_labels"]]  # fmt: skip
    assert needed[-1] == (400, 4000)
    assert "400 labels match NP with its 4,000 labels" in prose("docs/results.md")
    assert_printed(measured["fewer_labels"], *(n for pair in needed[:-1] for n in pair))
    (adapts,), (first,) = entries["adapts"], entries["first_try"]
    assert_printed(measured["adapts"], adapts["value"], adapts["against"], adapts["labelled"])
    for name in ("beats_context_free", "beats_gp_ucb"):
        (entry,) = entries[name]
        assert_printed(measured[name], entry["ratio"], entry["labelled"])
    assert_printed(measured["first_try"], first["ratio"], first["labelled"], first["with_all_seen"])
    thresholds = f"obtains {first['ratio']:.2f} of the oracle's reward instead of {first['share']}"
    assert thresholds in prose("README.md")


def test_the_sentences_on_labels():
    found = result("bandit.json")
    baselines, wild = found["baselines"], found["ood"]["wild"]
    regrets = {name: policy["mean_regret"]["mean"] for name, policy in wild["policies"].items()}
    learned = [regrets[name] for name in MODELS.values()]
    joint = found["differences"]["contrastive_ssnp - contrastive_np"]
    for count in ("20", "40", "80", "160", "400"):  # "gains nothing before 4,000"
        assert joint[count]["mean_regret" if "mean_regret" in joint[count] else "mean"] is not None
        assert _difference(joint[count])["ci95"][1] > 0
    for sentence, values in {
        "GP-UCB is 0.817, and that of the visible oracle is 0.028": (
            baselines["gp_ucb"]["mean_regret"]["mean"],
            baselines["visible_oracle"]["mean_regret"]["mean"],
        ),
        "(there 0.006, 0.003 to 0.009)": distance(_difference(joint["4000"])),
        "With 400 labelled doors the regrets are 0.67 to 0.79, that of contrastive SSNP 0.78, that "
        "of random actions 0.91": (
            wild["labelled"], min(learned), max(learned), regrets["contrastive_ssnp"],
            regrets["random"],
        ),
        "Every model opens 500 other doors": (found["doors"],),
    }.items():  # fmt: skip
        assert_stated("docs/results.md", sentence, *values)


def _difference(entry: dict[str, Any]) -> dict[str, Any]:
    return entry.get("mean_regret", entry)


# Reward distributions, streamed doors, the wheel


def test_the_comparison_of_reward_distributions():
    shown, found = (
        table("docs/reward_models.md", head="head | squared error"),
        metrics("heads.json"),
    )
    for name, error, difference, likelihood in shown.rows:
        head = name.strip("`")
        assert_printed(error, found[f"labelled_400/{head}/reward_mse"]["mean"])
        for cell, metric in ((difference, "reward_mse"), (likelihood, "log_likelihood")):
            pair = found.get(f"labelled_400/{head} - soft_bernoulli/{metric}")
            assert_printed(cell, *(interval(pair) if pair else ()))
        for count in ("80", "400"):  # "differences in calibration are too small"
            pair = found.get(f"labelled_{count}/{head} - soft_bernoulli/calibration_error")
            assert pair is None or pair["ci95"][0] < 0 < pair["ci95"][1]


ONLINE = {
    "reconstruction MSE of the statistician": "reconstruction_mse",
    "reward MSE of SSNP after 0 interactions": "reward_mse_after_0",
    **{f"after {n}": f"reward_mse_after_{n}" for n in (1, 4, 10)},
}


def test_the_errors_with_streamed_doors():
    shown, found = table("docs/pretraining.md", head="on test doors"), metrics("online.json")
    rows = {name: cells for name, *cells in shown.rows}
    smaller = []
    for name, metric in ONLINE.items():
        dataset, streamed, difference = rows[name]
        assert_printed(dataset, found[f"dataset/{metric}"]["mean"])
        assert_printed(streamed, found[f"online/{metric}"]["mean"])
        assert_printed(difference, *interval(found[f"online - dataset/{metric}"]))
        smaller.append(-100 * found[f"online - dataset/{metric}"]["mean"]
                       / found[f"dataset/{metric}"]["mean"])  # fmt: skip
    runs = result("online.json")["runs"]
    seconds = {name: [run[model]["processor_seconds"] for model in ("statistician", "ssnp")]
               for name, run in runs.items()}  # fmt: skip
    dataset, streamed, ratios = rows["processor time: statistician, SSNP"]
    assert_printed(dataset, *seconds["dataset"])
    assert_printed(streamed, *seconds["online"])
    more = [b / a for a, b in zip(seconds["dataset"], seconds["online"], strict=True)]
    assert_printed(ratios, *more)
    seen = [runs["online"][model]["doors_seen"] for model in ("statistician", "ssnp")]
    assert_printed(rows["doors seen: statistician, SSNP"][1], *seen)
    waits = [100 * _waiting(runs["online"][model]) for model in ("ssnp", "statistician")]
    for sentence, values in {
        "is 2 % smaller": smaller[:1],
        "are 3 to 11 % smaller": (min(smaller[1:]), max(smaller[1:])),
        "take 1.4 to 2.1 times the processor time": more,
        "SSNP waits for doors in 0.6 % of its time": waits[:1],
        "The statistician waits in 24 %": waits[1:],
    }.items():
        assert_stated("docs/pretraining.md", sentence, *values)


def _waiting(run: dict[str, Any]) -> float:
    (share,) = (value for key, value in run.items() if key.startswith(("waiting_", "data_wait")))
    return share


def test_the_wheel_bandit():
    short, long = metrics("wheel.json"), metrics("wheel_80000.json")
    percent = [entry["regret_percent"]["mean"] for entry in short.values()]
    published = list(result("wheel.json")["published_percent"].values())
    (entry,) = long.values()
    for sentence, values in {
        "it has 6.2, 9.0, 28, 60 and 101 %": percent,
        "(published: 0.95, 1.60, 4.65, 9.56 and 49.63)": published,
        "0.80 % of the regret": (entry["regret_percent"]["mean"],),
    }.items():
        assert_stated("docs/departures.md", sentence, *values)


# Speeds


@pytest.mark.parametrize(
    ("file", "head"),
    [
        ("docs/performance.md", "measurement | name in the file | value"),
        ("docs/simulation.md", "measurement ([result file](../results/bench.json))"),
    ],
)
def test_the_speeds(file, head):
    """Their names in the file stand beside them; a number in brackets is another metric."""
    shown, found = table(file, head=head), metrics("bench.json")
    for _, names, value in shown.rows:
        estimates = [found[name] for name in re.findall(r"`([\w.]+)`", names)]
        printed, _, rest = value.partition(" (")
        if "[" in printed:
            assert_printed(printed, *interval(estimates[0]))
        else:
            assert_printed(printed, *(estimate["mean"] for estimate in estimates))
        if rest:
            name = re.sub(r"_vs_\w+", "_per_s", names.strip("`"))
            name = "pretrain_images_per_s" if name == "pretrain_per_s" else name
            assert_printed(rest, found[name]["mean"])


def test_the_errors_by_the_length_of_a_step():
    shown, found = table("docs/simulation.md", head="steps per second"), metrics("bench.json")
    for steps, error, within in shown.rows:
        hertz = steps.strip("*")
        assert_printed(error, *interval(found[f"reward_error_{hertz}_hz"]))
        assert_printed(within, 100 * found[f"reward_within_0.01_{hertz}_hz"]["mean"])


# All tables and pictures

CHECKED = (
    "policy | mean regret", "target | statistician | VAE", "with 10 and with 1,000",
    "target | difference", "labelled doors", "claim | verdict", "head | squared error",
    "on test doors", "measurement", "steps per second",
)  # fmt: skip
BY_HAND = {  # tables without a result file -> what the page says about them
    "image | with shadows": "It has no result file",
    "step | simulated one by one": "have no result file",
}


@pytest.mark.parametrize("file", PAGES)
def test_every_other_table_has_no_results(file):
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
def test_pictures_were_drawn_from_the_result_files_that_are_there(picture):
    """`python scripts/make_pictures.py` draws them again. The gallery shows doors, not results."""
    with Image.open(picture) as image:
        source = image.info.get("Source", "")
    named = dict(part.split(" ") for part in source.split(", ") if part)
    assert named, "a picture of results says which files it was drawn from"
    for file, noted in named.items():
        assert checksum((ROOT / file).read_bytes()) == noted, f"{file} has changed since"


# Lengths, links and names


def test_pages_are_short():
    assert len(text_of("README.md").splitlines()) <= 160
    for file in PAGES:
        assert len(text_of(file).splitlines()) <= 200, file
        assert max(map(len, filter(_is_prose, text_of(file).splitlines())), default=0) <= 120, file


def _is_prose(line: str) -> bool:
    return not line.startswith(("|", "!", "doorlab ")) and "](" not in line


@pytest.mark.parametrize("file", [*PAGES, "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_lead_somewhere(file):
    for link in re.findall(r"\]\(([^)]+)\)", text_of(file)):
        if not link.startswith("http"):
            path, _, heading = link.partition("#")
            target = (ROOT / file).parent / path if path else ROOT / file
            assert target.exists(), link
            assert not heading or heading in _headings(target.read_text()), link


def _headings(text: str) -> set[str]:
    """The anchors of a page, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_page_is_listed_in_the_readme():
    for file in PAGES[1:]:
        assert f"({file})" in text_of("README.md")


# Groups of entry points, which are no modules.
GROUPS = {
    f"doorlab.{kind}" for kind in ("models", "priors", "simulators", "policies", "model_policies")
}


def test_groups_of_entry_points_are_those_of_the_registries():
    sources = "".join(path.read_text() for path in (ROOT / "doorlab").rglob("*.py"))
    assert all(f'"{group}"' in sources for group in GROUPS)


@pytest.mark.parametrize("file", [*PAGES, "CONTRIBUTING.md"])
def test_named_files_exist(file):
    """Paths of the repository in backticks, and modules of doorlab."""
    for name in inline_code(file):
        if re.fullmatch(r"(doorlab|envs|examples|scripts|tests|assets|results)/[\w/.]*", name):
            assert (ROOT / name).exists(), name
        elif re.fullmatch(r"doorlab(_envs)?(\.\w+)+", name) and name not in GROUPS:
            _import(name)


def _import(name: str) -> None:
    """Imports a module, or an attribute of one."""
    try:
        importlib.import_module(name)
    except ImportError:
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute), name


# The folders


COMMON = {
    "errors", "limits", "intervals", "seeding", "options", "registry", "serialization", "storage",
    "provenance", "results", "result_schemas", "run_layout", "runtime", "terminal", "_version",
}  # fmt: skip


def test_the_table_of_folders_is_complete_and_its_imports_are_true():
    """Imports of packages and modules; the contracts in pyproject.toml say which are allowed."""
    listed = {}
    for folders, _, imports in table("CONTRIBUTING.md", head="folder | contents").rows:
        for folder in re.findall(r"`([^`]+)`", folders):
            assert (ROOT / folder).exists(), folder
            listed[folder] = imports
    known = {f"doorlab/{path.name}" for path in (ROOT / "doorlab").iterdir()
             if path.suffix == ".py" or (path / "__init__.py").exists()}  # fmt: skip
    known |= {"envs/doorlab_envs", "examples", "scripts", "results", "assets", "tests"}
    assert set(listed) == known - {"doorlab/__init__.py"}
    for folder, imports in listed.items():
        allowed = set() if imports == "nothing" else set(imports.split(", "))
        if imports and not imports.startswith(("any", "every")):
            found = _imports_of(ROOT / folder) - COMMON - {Path(folder).stem}
            assert found <= allowed, (folder, found - allowed)


def _imports_of(path: Path) -> set[str]:
    """Names of the modules of doorlab that a file, or the files of a folder, import."""
    files = [path] if path.suffix else list(path.rglob("*.py"))
    text = "\n".join(file.read_text() for file in files)
    return set(re.findall(r"^\s*(?:from|import) doorlab\.(\w+)", text, re.MULTILINE))


# Command lines


def commands(file: str) -> list[list[str]]:
    """The arguments of every command line in blocks of shell, and of `doorlab ...` in prose."""
    lines = [line for code in blocks(file, "sh") for line in code.replace("\\\n", " ").split("\n")]
    lines += [code for code in inline_code(file) if re.match(r"doorlab [a-z]+( |$)", code)]
    lines += [code for code in inline_code(file) if code.startswith(("make ", "python ", "pip "))]
    return [args for args in (shlex.split(line, comments=True) for line in lines) if args]


@pytest.mark.parametrize("file", [*PAGES, "CONTRIBUTING.md"])
def test_command_lines_are_understood(file):
    for args in commands(file):
        while "=" in args[0]:  # variables of the environment
            args = args[1:]
        _understand(args)


def _understand(args: list[str]) -> None:
    program, *rest = args
    if program == "doorlab" and rest[0] != "STAGE":
        _parse_stage(rest)
    elif program == "make":
        targets = re.findall(r"^(\w+):", text_of("Makefile"), re.MULTILINE)
        assert {arg for arg in rest if "=" not in arg} <= set(targets), args
    elif program.endswith("python"):
        _understand_python(rest)
    elif program == "pip":
        extras = re.findall(r"\[(\w+)\]", " ".join(rest))
        optional = text_of("pyproject.toml").partition("[project.optional-dependencies]")[2]
        assert all(f"\n{extra} = [" in optional for extra in extras), args
    else:
        assert program in ("cd", "ray", "doorlab"), args


def _parse_stage(args: list[str]) -> None:
    stage, *options = args
    assert stage in cli.STAGES, args
    if options and not all(map(str.isupper, options)):
        module = importlib.import_module(cli.command_module(stage))
        needed = ["SOME_PATH"] if stage in ("info", "import", "export") else []
        named = [arg for arg in options if not arg.startswith("-")]
        with contextlib.redirect_stdout(io.StringIO()):
            cli.parse(module, stage, options if named else [*needed, *options])


def _understand_python(args: list[str]) -> None:
    if args[0] == "-m":
        assert importlib.util.find_spec(args[1]), args
    else:
        script = ROOT / args[0]
        assert script.exists(), args
        stage = re.search(r'run_stage\("(\w+)"\)', script.read_text())
        if stage:
            _parse_stage([stage[1], *args[1:]])
        elif args[0].startswith("examples/"):
            spec = importlib.util.spec_from_file_location(script.stem, script)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            tyro.cli(_without_effect(module.main), args=args[1:])


def _without_effect(main):
    """A function with the same options that does nothing."""

    @functools.wraps(main)
    def do_nothing(*args, **kwargs):
        return None

    do_nothing.__signature__ = inspect.signature(main, eval_str=True)
    return do_nothing


@pytest.fixture(scope="module")
def known_options():
    """The options of all stages, and of the examples."""
    found = set()
    for stage in cli.STAGES:
        module = importlib.import_module(cli.command_module(stage))
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
            cli.parse(module, stage, ["--help"])
        found |= set(re.findall(r"--[a-z][\w.\-]*[\w]", out.getvalue()))
    return found | {"--editable", "--state"}


@pytest.mark.parametrize("file", PAGES)
def test_named_options_exist(file, known_options):
    for code in inline_code(file):
        if code.startswith("--"):
            option = re.split(r"[ =]", code)[0]
            assert option in known_options, code


# Python


@pytest.fixture(scope="session")
def demo_like(tmp_path_factory):
    """A folder with the dataset and the model of the demo, both small."""
    folder = tmp_path_factory.mktemp("documentation")
    config = replace(
        generate.PRESETS["tiny"], out=folder / "runs/demo/dataset", doors=48, test_fraction=0.1,
        videos=0, workers=1,
    )  # fmt: skip
    generate.run(config)
    torch.manual_seed(0)
    model = build_model("ssnp", 64, TINY)
    save_model(folder / "runs/demo/train/ssnp", model, "ssnp", 64, TINY)
    (folder / "runs/demo/bandit").mkdir()
    (folder / "runs/demo/bandit/regret.json").write_text(json.dumps(result("demo_regret.json")))
    return folder


WITH_PYTHON = [file for file in PAGES if blocks(file, "python")]


@pytest.mark.parametrize("file", WITH_PYTHON)
def test_python_blocks_run(file, demo_like, tmp_path):
    """One after the other, in one process; arrays in comments are what is printed."""
    script = tmp_path / "blocks.py"
    script.write_text("\n".join(blocks(file, "python")))
    done = subprocess.run(
        [sys.executable, script], cwd=demo_like, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    for shown in re.findall(r"print\(.*\)  # (\(?[\d\[][^:\n]*)", script.read_text()):
        assert shown.strip() in done.stdout, f"{file} shows {shown!r}"


@pytest.mark.slow
def test_the_demo_was_measured_on_the_doors_that_the_present_code_makes(tmp_path):
    """Generates them, in a minute or two. If not, the demo is to be measured again."""
    path = generate.run(replace(generate.PRESETS["tiny"], out=tmp_path / "dataset"))
    assert DoorDataset.open(path).checksum == result("demo_regret.json")["dataset_checksum"]
