"""The numbers of the repeated demo against results/."""

from __future__ import annotations

import pytest
from helpers.markdown import assert_printed, interval, prose, result, table

MODELS = {
    "SSNP": "ssnp",
    "NP end to end": "np",
    "frozen statistician + NP": "statistician_np",
    "frozen VAE + NP": "vae_np",
}
ENSEMBLES = {
    f"{label}, three processes as one": f"{name}:ensemble" for label, name in MODELS.items()
}
TARGETS = {
    "handedness, accuracy": "handedness",
    "swing, accuracy": "swing",
    "opening angle per frame, R2": "joint_angle",
}


@pytest.fixture(scope="module")
def found():
    return result("demo_seeds.json")


def demos(found, name):
    return [demo[name] for demo in found["demos"].values()]


def test_regrets_of_demos_match_results(found):
    shown = table("docs/results.md", head="model with 50 labeled doors")
    names = MODELS | ENSEMBLES
    assert [label for label, *_ in shown.rows] == list(names)
    for label, mean, difference, each in shown.rows:
        name = names[label]
        assert_printed(mean, *interval(found["metrics"][f"regret/{name}"]))
        assert_printed(each, *demos(found, f"regret/{name}"))
        if label.startswith("SSNP"):
            assert difference == ""
        else:
            ours = "ssnp:ensemble" if ":" in name else "ssnp"
            assert_printed(difference, *interval(found["metrics"][f"regret/{name} - {ours}"]))


def test_probes_of_demos_match_results(found):
    shown = table("docs/results.md", head="target | statistician of five demos")
    assert [label for label, *_ in shown.rows] == list(TARGETS)
    for label, *cells in shown.rows:
        for model, cell in zip(("statistician", "vae", "statistician - vae"), cells, strict=True):
            assert_printed(cell, *interval(found["metrics"][f"probe/{model}/{TARGETS[label]}"]))


def test_components_of_demos_match_results(found):
    shown = table("docs/results.md", head="component | statistician")
    assert [row[0].split(": ")[1] for row in shown.rows] == ["handedness", "swing"]
    for label, *cells in shown.rows:
        target = label.split(": ")[1]
        for model, cell in zip(("statistician", "vae", "statistician - vae"), cells, strict=True):
            assert_printed(cell, *interval(found["metrics"][f"components/{model}/{target}"]))


def test_regrets_with_whitened_embeddings_match_results(found):
    """NP uses whitened embeddings in both files; its regrets differ by rounding only."""
    before = result("demo_seeds_whitened.json")
    shown = table("docs/results.md", head="model | whitened")
    assert [label for label, *_ in shown.rows] == list(MODELS)
    for label, *cells in shown.rows:
        for file, cell in zip((before, found), cells, strict=True):
            assert_printed(cell, *interval(file["metrics"][f"regret/{MODELS[label]}"]))


def test_generated_frames_of_demos_match_results(found):
    for sentence, name in {
        "with R2 0.968 (0.966 to 0.970)": "reconstructions/joint_angle",
        "0.530 (0.461 to 0.600) by content": "samples/content",
        "0.785 (0.699 to 0.871) by texture": "samples/texture",
    }.items():
        numbers = sentence.removeprefix("with R2 ")
        assert sentence in prose("docs/results.md")
        assert_printed(numbers, *interval(found["metrics"][name]))


def test_verdicts_of_demos_match_results(found):
    """The sentences below the tables hold for the numbers."""
    regret = {name: demos(found, f"regret/{name}") for name in MODELS.values()}
    lowest = [min(regret, key=lambda name: regret[name][i]) for i in range(len(regret["ssnp"]))]
    assert lowest.count("ssnp") == 4
    above = {
        name
        for name in (MODELS | ENSEMBLES).values()
        if not name.startswith("ssnp")
        and found["metrics"][
            f"regret/{name} - ssnp{name[name.find(':') :] if ':' in name else ''}"
        ]["ci95"][0]
        > 0
    }
    assert above == {"vae_np:ensemble", "vae_np"}
    angle = found["metrics"]["probe/statistician - vae/joint_angle"]
    assert angle["ci95"][1] < 0
