"""The numbers of the repeated demo against results/."""

from __future__ import annotations

import pytest
from helpers.markdown import assert_printed, interval, result, table

MAIN = "contrastive_ssnp"
MODELS = {
    "contrastive SSNP": MAIN,
    "frozen contrastive statistician + NP": "contrastive_np",
    "NP end to end": "np",
    "frozen statistician + NP": "statistician_np",
    "frozen VAE + NP": "vae_np",
}
ENSEMBLES = {
    f"{label}, three processes as one": f"{name}:ensemble" for label, name in MODELS.items()
}
ENCODERS = ("contrastive_statistician", "statistician", "vae")
COLUMNS = (*ENCODERS, "contrastive_statistician - statistician", "contrastive_statistician - vae")
TARGETS = {
    "handedness, accuracy": "handedness",
    "swing, accuracy": "swing",
    "opening angle per frame, R2": "joint_angle",
}
EARLIER = {  # results of earlier versions: models with components, and with whitened embeddings
    "SSNP": "ssnp",
    "NP end to end": "np",
    "frozen statistician + NP": "statistician_np",
    "frozen VAE + NP": "vae_np",
}


@pytest.fixture(scope="module")
def found():
    return result("demo_seeds.json")


def demos(found, name):
    return [demo[name] for demo in found["demos"].values()]


def stated(estimate, digits=3):
    """Mean and interval as a sentence prints them."""
    mean, low, high = (f"{value:.{digits}f}" for value in interval(estimate))
    return f"{mean} ({low} to {high})"


def test_regrets_of_demos_match_results(found):
    shown = table("docs/results.md", head="model with 50 labeled doors")
    names = MODELS | ENSEMBLES
    assert [label for label, *_ in shown.rows] == list(names)
    for label, mean, difference, each in shown.rows:
        name = names[label]
        assert_printed(mean, *interval(found["metrics"][f"regret/{name}"]))
        assert_printed(each, *demos(found, f"regret/{name}"))
        if label.startswith("contrastive SSNP"):
            assert difference == ""
        else:
            ours = f"{MAIN}:ensemble" if ":" in name else MAIN
            assert_printed(difference, *interval(found["metrics"][f"regret/{name} - {ours}"]))


@pytest.mark.parametrize(
    ("head", "part"),
    [("target of repeated demos", "probe"), ("component of repeated demos", "components")],
)
def test_scores_of_demos_match_results(found, head, part):
    shown = table("docs/results.md", head=head)
    targets = TARGETS if part == "probe" else {row[0]: row[0].split(": ")[1] for row in shown.rows}
    assert [label for label, *_ in shown.rows] == list(targets)
    assert len(targets) == (3 if part == "probe" else 2)
    for label, *cells in shown.rows:
        for model, cell in zip(COLUMNS, cells, strict=True):
            assert_printed(cell, *interval(found["metrics"][f"{part}/{model}/{targets[label]}"]))


def test_generated_frames_of_demos_match_results(found):
    shown = table("docs/results.md", head="generated frames of repeated demos")
    assert len(shown.rows) == len(ENCODERS)
    for (_, *cells), encoder in zip(shown.rows, ENCODERS, strict=True):
        names = [f"reconstructions/{encoder}/joint_angle"]
        names += [f"samples/{encoder}/{feature}" for feature in ("content", "texture")]
        for cell, name in zip(cells, names, strict=True):
            assert_printed(cell, *interval(found["metrics"][name]))


def test_regrets_of_earlier_versions_match_results():
    shown = table("docs/results.md", head="model of earlier versions")
    assert [label for label, *_ in shown.rows] == list(EARLIER)
    files = [result(f"demo_seeds_{name}.json") for name in ("whitened", "plain")]
    for label, *cells in shown.rows:
        for file, cell in zip(files, cells, strict=True):
            assert_printed(cell, *interval(file["metrics"][f"regret/{EARLIER[label]}"]))
