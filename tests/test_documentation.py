"""The tables of README.md and docs/ against the result files, and the figures in docs/ too."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from doorlab.data import DoorDataset
from doorlab.stages import generate
from doorlab.storage.files import checksum

ROOT = Path(__file__).parents[1]
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True)
class Table:
    """A table of a Markdown file: its header, and its rows."""

    head: list[str]
    rows: list[list[str]]


def tables(file: str) -> list[Table]:
    found: list[list[list[str]]] = [[]]
    for line in (ROOT / file).read_text().splitlines():
        if line.startswith("|"):
            found[-1].append([cell.strip() for cell in line.strip("|").split("|")])
        elif found[-1]:
            found.append([])
    return [Table(head, rows) for head, _, *rows in filter(None, found)]


def table(file: str, *, head: str, number: int = 0) -> Table:
    """The table of a file whose header begins so; of several, the one of that number."""
    return [t for t in tables(file) if " | ".join(t.head).startswith(head)][number]


def result(name: str) -> dict[str, Any]:
    return json.loads((ROOT / "results" / name).read_text())


def assert_printed(text: str, *values: float) -> None:
    """The numbers in a cell are the values, rounded to as many digits as are printed."""
    printed = NUMBER.findall(text)
    assert len(printed) == len(values), f"{text!r} has not {len(values)} numbers"
    for number, value in zip(printed, values, strict=True):
        whole, _, decimals = number.replace(",", "").partition(".")
        zeros = 0 if decimals else len(whole) - len(whole.rstrip("0"))
        unit = 10.0 ** (-len(decimals) if decimals else zeros if int(whole) else 0)
        rounded = float(number.replace(",", ""))
        assert abs(rounded - value) <= 0.5 * unit * (1 + 1e-9), f"{text!r} is printed for {value}"


def interval(estimate: dict[str, Any]) -> Iterator[float]:
    """As it is printed: 0.118 (0.101 to 0.135), or 0.887 [0.862, 0.911]."""
    yield from (estimate["mean"], *estimate["ci95"])


POLICIES = {
    "SSNP (pictures of all doors, 800 labelled)": "ssnp",
    "NP end to end (800 labelled)": "np",
    "frozen statistician + NP": "statistician_np",
    "frozen VAE + NP": "vae_np",
    "GP-UCB, no vision": "gp_ucb",
    "random": "random",
    "visible oracle: knows all that can be seen": "visible_oracle",
    "oracle": "oracle",
}


def test_readme_shows_regrets_of_demo():
    shown, found = table("README.md", head="policy | mean regret"), result("demo_regret.json")
    assert {name for name, *_ in shown.rows} == set(POLICIES)
    for name, regret, first in shown.rows:
        policy = found["policies"][POLICIES[name]]
        assert_printed(regret, *interval(policy["mean_regret"]))
        assert_printed(first, policy["first_reward"]["mean"])


EMBEDDINGS = {
    "contrastive statistician": "contrastive_statistician",
    "statistician": "statistician",
    "VAE": "vae",
    "autoencoder": "autoencoder",
    "PCA": "pca",
    "supervised: the ceiling": "supervised",
}
TARGETS = ("handedness", "swing", "width", "height", "place", "joint_angle")


@pytest.mark.parametrize(
    ("number", "file", "prior"),
    [(0, "representation.json", "narrow"), (1, "representation_default.json", "default")],
)
def test_readme_shows_probe_scores(number, file, prior):
    shown = table("README.md", head="with 10 and with 1,000 labelled doors", number=number)
    curves = result(file)["priors"][prior]["curves"]["doors"]
    places = [curves["at"].index(doors) for doors in (10, 1000)]
    for name, *cells in shown.rows:
        for target, cell in zip(TARGETS, cells, strict=True):
            scores = curves["scores"][EMBEDDINGS[name]][target]
            assert_printed(cell, *(scores[place]["mean"] for place in places))


MODELS = {
    "contrastive SSNP": "contrastive_ssnp",
    "frozen contrastive statistician + NP": "contrastive_np",
    "SSNP with the plain statistician": "ssnp",
    "NP end to end": "np",
    "frozen statistician + NP": "statistician_np",
    "frozen VAE + NP": "vae_np",
}


def test_readme_shows_regrets_by_number_of_labels():
    shown, policies = table("README.md", head="labelled doors"), result("bandit.json")["policies"]
    counts = [count.replace(",", "") for count in shown.head[1:]]
    assert {name for name, *_ in shown.rows} == set(MODELS)
    for name, *cells in shown.rows:
        found = policies[MODELS[name]]
        assert list(found) == counts
        for count, cell in zip(counts, cells, strict=True):
            assert_printed(cell, found[count]["mean_regret"]["mean"])


def test_documentation_shows_measured_speeds():
    """The names in the file stand beside them; what is in brackets is another figure."""
    shown = table("docs/simulation.md", head="figure | name in the file | value")
    figures = result("bench.json")["figures"]
    for _, names, value in shown.rows:
        found = [figures[name] for name in re.findall(r"`(\w+)`", names)]
        printed = value.partition(" (")[0]
        if "[" in printed:
            assert_printed(printed, *interval(found[0]))
        else:
            assert_printed(printed, *(estimate["mean"] for estimate in found))


def test_documentation_shows_errors_by_time_step():
    shown = table("docs/simulation.md", head="steps a second")
    figures = result("bench.json")["figures"]
    for steps, error, within in shown.rows:
        hertz = steps.strip("*")
        assert_printed(error, *interval(figures[f"reward_error_{hertz}_hz"]))
        assert_printed(within, 100 * figures[f"reward_within_0.01_{hertz}_hz"]["mean"])


ONLINE = {
    "reconstruction MSE of the statistician": "reconstruction_mse",
    "reward MSE of SSNP after 0 interactions": "reward_mse_after_0",
    **{f"after {n}": f"reward_mse_after_{n}" for n in (1, 4, 10)},
}


def test_documentation_shows_errors_of_streamed_training():
    shown, figures = (
        table("docs/simulation.md", head="on test doors"),
        result("online.json")["figures"],
    )
    rows = {name: cells for name, *cells in shown.rows}
    for name, metric in ONLINE.items():
        dataset, fresh, difference = rows[name]
        assert_printed(dataset, figures[f"dataset/{metric}"]["mean"])
        assert_printed(fresh, figures[f"online/{metric}"]["mean"])
        assert_printed(difference, *interval(figures[f"online - dataset/{metric}"]))


def test_readme_has_no_figures_in_other_tables():
    checked = ("policy | mean regret", "with 10 and with 1,000", "labelled doors")
    for other in tables("README.md"):
        if not " | ".join(other.head).startswith(checked):
            assert not re.search(r"\d\.\d", str(other.rows)), other.head


def test_result_files_of_one_run_share_dataset():
    for names in (
        ("demo_regret.json", "demo_probes.json"),
        ("reward.json", "bandit.json", "study_claims.json"),
    ):
        assert len({result(name)["dataset_checksum"] for name in names}) == 1, names


FIGURES = [p for p in sorted((ROOT / "docs").glob("*.png")) if p.name != "gallery.png"]


@pytest.mark.parametrize("path", FIGURES, ids=lambda path: path.name)
def test_documentation_images_are_drawn_from_present_results(path):
    """`python scripts/make_figures.py` draws them again. The gallery shows doors, not results."""
    with Image.open(path) as image:
        source = image.info.get("Source", "")
    named = dict(part.split(" ") for part in source.split(", ") if part)
    assert named, "a figure of results says which files it was drawn from"
    for file, noted in named.items():
        assert checksum((ROOT / file).read_bytes()) == noted, f"{file} has changed since"


@pytest.mark.slow
def test_demo_results_match_dataset_of_present_code(tmp_path):
    """Generates the doors in a minute or two. If it fails, measure the demo again."""
    path = generate.run(replace(generate.PRESETS["tiny"], out=tmp_path / "dataset"))
    assert DoorDataset.open(path).checksum == result("demo_regret.json")["dataset_checksum"]
