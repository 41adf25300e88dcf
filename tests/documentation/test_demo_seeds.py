"""The numbers of the repeated demo against results/."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.markdown import assert_printed, interval, prose, result, table

from doorlab.intervals import student_mean

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
        "with R2 0.968 (0.963 to 0.973)": "reconstructions/joint_angle",
        "0.498 (0.441 to 0.556) by content": "samples/content",
        "0.818 (0.794 to 0.842) by texture": "samples/texture",
    }.items():
        numbers = sentence.removeprefix("with R2 ")
        assert sentence in prose("docs/results.md")
        assert_printed(numbers, *interval(found["metrics"][name]))


def test_verdicts_of_demos_match_results(found):
    """The sentences below the tables hold for the numbers."""
    regret = {name: demos(found, f"regret/{name}") for name in MODELS.values()}
    lowest = {min(regret, key=lambda name: regret[name][i]) for i in range(len(regret["ssnp"]))}
    assert lowest == set(MODELS.values())
    for suffix in ("", ":ensemble"):
        for name in set(MODELS.values()) - {"ssnp"}:
            low, high = found["metrics"][f"regret/{name}{suffix} - ssnp{suffix}"]["ci95"]
            assert low <= 0 <= high
    angle, side, swing = (
        found["metrics"][f"probe/statistician - vae/{target}"]["ci95"]
        for target in ("joint_angle", "handedness", "swing")
    )
    assert angle[1] < 0
    assert side[0] > 0
    assert swing[0] <= 0 <= swing[1]


def test_verdicts_on_components_match_results(found):
    before = result("demo_seeds_whitened.json")
    less = {
        name: np.subtract(demos(before, f"regret/{name}"), demos(found, f"regret/{name}"))
        for name in MODELS.values()
    }
    for name, sentence in {
        "vae_np": "by 0.102, 0.073 to 0.132",
        "statistician_np": "by 0.052, 0.016 to 0.088",
    }.items():
        assert (less[name] > 0).all()
        estimate = student_mean(less[name])
        assert_printed(sentence, estimate.mean, *estimate.ci95)
        assert sentence in prose("docs/results.md")
    assert list(less["ssnp"] > 0) == [False] * 4 + [True]
    for sentence, values in {
        "(0.178 instead of 0.309)": [demos(f, "regret/ssnp")[4] for f in (found, before)],
        "by 0.032 to 0.046": [min(-less["ssnp"][:4]), max(-less["ssnp"][:4])],
    }.items():
        assert_printed(sentence, *values)
        assert sentence in prose("docs/results.md")
    right = {
        (model, target): sum(np.array(demos(found, f"components/{model}/{target}")) >= 0.9)
        for model in ("statistician", "vae")
        for target in ("handedness", "swing")
    }
    assert list(right.values()) == [3, 2, 0, 1]
    for target in ("handedness", "swing"):
        low, high = found["metrics"][f"components/statistician - vae/{target}"]["ci95"]
        assert low <= 0 <= high
