"""The numbers of repeated demos of earlier versions, and of components, against results/."""

from __future__ import annotations

import pytest
from helpers.markdown import assert_printed, interval, prose, result, table

MODELS = {
    "SSNP": "ssnp",
    "NP end to end": "np",
    "frozen statistician + NP": "statistician_np",
    "frozen VAE + NP": "vae_np",
}
TARGETS = {
    "handedness, accuracy": "handedness",
    "swing, accuracy": "swing",
    "opening angle per frame, R2": "joint_angle",
}
COMPONENTS = {
    "odd, smallest kurtosis: handedness": "handedness",
    "even, smallest kurtosis: swing": "swing",
}
ENCODERS = ("contrastive_statistician", "statistician", "vae")


@pytest.fixture(scope="module")
def plain():
    return result("demo_seeds_plain.json")


def test_regrets_of_earlier_versions_match_results(plain):
    shown = table("docs/results.md", head="model of earlier versions")
    whitened = result("demo_seeds_whitened.json")
    assert [label for label, *_ in shown.rows] == list(MODELS)
    for label, first, second, difference in shown.rows:
        name = MODELS[label]
        for cell, file in ((first, whitened), (second, plain)):
            assert_printed(cell, *interval(file["metrics"][f"regret/{name}"]))
        if name == "ssnp":
            assert difference == ""
        else:
            estimate = plain["metrics"][f"regret/{name} - ssnp"]
            assert_printed(difference, *interval(estimate))
            assert estimate["ci95"][0] <= 0 <= estimate["ci95"][1]  # as the text says
    assert len(plain["demos"]) == len(whitened["demos"]) == 5


def test_probes_of_five_demos_match_results(plain):
    shown = table("docs/results.md", head="target of five demos")
    assert [label for label, *_ in shown.rows] == list(TARGETS)
    for label, *cells in shown.rows:
        for model, cell in zip(("statistician", "vae", "statistician - vae"), cells, strict=True):
            assert_printed(cell, *interval(plain["metrics"][f"probe/{model}/{TARGETS[label]}"]))
    side, angle = (
        plain["metrics"][f"probe/statistician - vae/{target}"]["ci95"]
        for target in ("handedness", "joint_angle")
    )
    assert side[0] > 0 > angle[1]


def test_components_match_results(plain):
    shown = table("docs/results.md", head="component of the demo")
    found = result("demo_probes.json")["components"]
    assert [label for label, *_ in shown.rows] == list(COMPONENTS)
    for label, *cells in shown.rows:
        for model, cell in zip(ENCODERS, cells, strict=True):
            assert_printed(cell, *interval(found[model][COMPONENTS[label]]))
    for target in COMPONENTS.values():
        assert all(found[model][target]["mean"] > 0.9 for model in ENCODERS[:2])
    assert found["vae"]["handedness"]["ci95"][0] < 0.5 < 0.9 < found["vae"]["swing"]["mean"]
    right = [
        sum(demo[f"components/statistician/{target}"] >= 0.9 for demo in plain["demos"].values())
        for target in COMPONENTS.values()
    ]
    assert right == [3, 2]
    assert "in three of five for the hinge side" in prose("docs/results.md")
