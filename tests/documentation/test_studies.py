"""The numbers of the representation study and of the label-efficiency study against results/."""

from __future__ import annotations

import re
from typing import Any

import pytest
from helpers.markdown import (
    assert_printed,
    assert_stated,
    distance,
    interval,
    prose,
    result,
    table,
)

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
def test_probe_tables_match_results(number, file, prior):
    shown = table("docs/studies.md", head="with 10 and with 1,000 labeled doors", number=number)
    curves = result(file)["priors"][prior]["curves"]["doors"]
    places = [curves["at"].index(doors) for doors in (10, 1000)]
    for name, *cells in shown.rows:
        for target, cell in zip(TARGETS, cells, strict=True):
            scores = curves["scores"][EMBEDDINGS[name]][target]
            assert_printed(cell, *(scores[place]["mean"] for place in places))


def test_probe_differences_match_results():
    found = result("representation_default.json")["priors"]["default"]
    ahead = found["vs_best_baseline"]["contrastive_statistician"]
    shown = table("docs/studies.md", head="target | difference")
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
        assert_stated("docs/studies.md", sentence, *values)


def test_probe_sentences_match_results():
    found = result("representation.json")
    config, narrow = found["config"], found["priors"]["narrow"]
    training = config["doors"] * (1 - config["test_fraction"] - config["validation_fraction"])
    counts = (training, 8, narrow["doors"]["test"], narrow["seeds"])
    sentence = (
        "trains every model on the frames of 3,840 doors, and evaluates linear probes on 8 frames "
        "of each of 720 test doors, with 3 seeds"
    )
    assert_stated("docs/studies.md", sentence, *counts)
    better = {
        (rival, target): _side(narrow["differences"][f"contrastive_statistician - {rival}"][target])
        for rival in ("pca", "autoencoder", "vae")
        for target in ("swing", "height", "place")
    }
    assert better["pca", "swing"] == 0  # "PCA is equal on swing"
    assert [better[rival, "height"] for rival in ("autoencoder", "vae", "pca")] == [0, 0, 0]
    assert (better["pca", "place"], better["autoencoder", "place"]) == (-1, 0)
    place = narrow["differences"]["contrastive_statistician - autoencoder"]["place"]
    assert_stated("docs/studies.md", "not certain (0.007, -0.000 to 0.014)", *distance(place))


def _side(estimate: dict[str, Any]) -> int:
    """1 where a difference is above zero with certainty, -1 where it is below, else 0."""
    low, high = estimate["ci95"]
    return int(low > 0) - int(high < 0)


def test_departures_compare_statisticians_as_in_results():
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


def test_regret_table_matches_results():
    shown, policies = (
        table("docs/studies.md", head="labeled doors"),
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


def test_claims_match_results():
    """Failed ones are shown as such, in the same table; the README counts them."""
    claims = {claim["name"]: claim for claim in result("study_claims.json")["claims"]}
    shown = table("docs/studies.md", head="claim | verdict | measured")
    measured = {}
    for text, verdict, values in shown.rows:
        (name,) = (name for start, name in CLAIMS.items() if text.startswith(start))
        assert verdict == ("reproduced" if claims[name]["reproduced"] else "**not reproduced**")
        measured[name] = values
    assert set(measured) == set(claims)
    good = sum(claim["reproduced"] for claim in claims.values())
    sentence = f"{good} of {len(claims)} claims are reproduced and {len(claims) - good} are not"
    assert sentence in prose("README.md")
    entries = {name: claim["metrics"]
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
    needed = [(entry["least_that_reaches"], entry["num_labeled_np"])
              for entry in entries["fewer_labels"]]  # fmt: skip
    assert needed[-1] == (400, 4000)
    assert "400 labels match NP with its 4,000 labels" in prose("docs/studies.md")
    assert_printed(measured["fewer_labels"], *(n for pair in needed[:-1] for n in pair))
    (adapts,), (first,) = entries["adapts"], entries["first_try"]
    assert_printed(measured["adapts"], adapts["value"], adapts["against"], adapts["num_labeled"])
    for name in ("beats_context_free", "beats_gp_ucb"):
        (entry,) = entries[name]
        assert_printed(measured[name], entry["ratio"], entry["num_labeled"])
    assert_printed(
        measured["first_try"], first["ratio"], first["num_labeled"], first["with_all_seen"]
    )
    thresholds = f"obtains {first['ratio']:.2f} of the oracle's reward instead of {first['share']}"
    assert thresholds in prose("README.md")


def test_label_sentences_match_results():
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
        "With 400 labeled doors the regrets are 0.67 to 0.79, that of contrastive SSNP 0.78, that "
        "of random actions 0.91": (
            wild["num_labeled"], min(learned), max(learned), regrets["contrastive_ssnp"],
            regrets["random"],
        ),
        "Every model opens 500 other doors": (found["doors"],),
    }.items():  # fmt: skip
        assert_stated("docs/studies.md", sentence, *values)


def _difference(entry: dict[str, Any]) -> dict[str, Any]:
    return entry.get("mean_regret", entry)
