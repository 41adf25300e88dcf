"""Claims against made-up studies whose answers are known from how they were made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from doorlab.evaluation.label_efficiency import Evidence, claims

SEEDS, DOORS, TRIES = 3, 60, 6
COUNTS = (20, 40, 160, 400)
RNG = np.random.default_rng(0)
NOISE = RNG.normal(0, 0.01, (SEEDS, DOORS))  # the same for all: pairs differ by their means alone
LATCHED = np.arange(DOORS) % 2 == 0


def errors(*means):
    """(S, D) at every number of labeled doors."""
    return {n: mean + NOISE for n, mean in zip(COUNTS, means, strict=True)}


def regrets(*means, fifth=0.4):
    """(S, D, T): the first try costs most; latched doors have a fifth try of their own."""
    found = {}
    for n, mean in zip(COUNTS, means, strict=True):
        course = np.broadcast_to(mean + NOISE[..., None], (SEEDS, DOORS, TRIES)).copy()
        course[:, LATCHED, 4] = fifth * course[:, LATCHED, 0]
        found[n] = course
    return found


GOOD = Evidence(
    method="ssnp",
    errors={
        "ssnp": errors(0.06, 0.04, 0.03, 0.02),
        "np": errors(0.09, 0.08, 0.06, 0.03),
        "vae_np": errors(0.09, 0.09, 0.08, 0.08),
        "statistician_np": errors(0.09, 0.09, 0.07, 0.06),
    },
    variance=0.1,
    regrets={
        "ssnp": regrets(0.5, 0.3, 0.2, 0.1),
        "np": regrets(0.8, 0.7, 0.4, 0.34),
        "vae_np": regrets(0.8, 0.7, 0.5, 0.4),
        "statistician_np": regrets(0.8, 0.7, 0.5, 0.4),
    },
    first_rewards={"ssnp": errors(0.5, 0.6, 0.8, 0.9)},
    baselines={"gp_ucb": np.full((1, DOORS, TRIES), 0.8)},
    optimal=np.full(DOORS, 0.98),
    latched=LATCHED,
)
NAMES = [
    "half_of_variance", "beats_rivals", "fewer_labels", "adapts", "beats_context_free",
    "beats_gp_ucb", "first_try",
]  # fmt: skip


def found(evidence):
    return {claim.name: claim for claim in claims(evidence)}


def with_(evidence, part, **models):
    """The evidence with other scores of some models; None for none."""
    scores = {**getattr(evidence, part), **models}
    return replace(evidence, **{part: {m: s for m, s in scores.items() if s is not None}})


def test_claims_are_reproduced_in_ideal_study():
    assert [claim.name for claim in claims(GOOD)] == NAMES
    assert all(claim.reproduced is True for claim in claims(GOOD))
    assert all(claim.how_much and claim.metrics for claim in claims(GOOD))


@pytest.mark.parametrize(
    ("name", "part", "scores"),
    [
        ("half_of_variance", "errors", {"ssnp": errors(0.08, 0.07, 0.051, 0.02)}),
        ("beats_rivals", "errors", {"np": errors(0.09, 0.03, 0.06, 0.03)}),
        ("beats_rivals", "regrets", {"vae_np": regrets(0.8, 0.2, 0.5, 0.4)}),
        ("fewer_labels", "regrets", {"np": regrets(0.8, 0.7, 0.4, 0.25)}),
        ("adapts", "regrets", {"ssnp": regrets(0.5, 0.3, 0.2, 0.1, fifth=0.6)}),
        ("beats_context_free", "regrets", {"vae_np": regrets(0.8, 0.7, 0.5, 0.12)}),
        ("beats_gp_ucb", "baselines", {"gp_ucb": np.full((1, DOORS, TRIES), 0.3)}),
        ("first_try", "first_rewards", {"ssnp": errors(0.5, 0.6, 0.8, 0.82)}),
    ],
)
def test_claim_fails_alone_when_its_evidence_fails(name, part, scores):
    after = found(with_(GOOD, part, **scores))
    assert after[name].reproduced is False
    others = set(NAMES) - {name}
    assert {other for other in others if after[other].reproduced} == others


@pytest.mark.parametrize(
    ("name", "part", "model"),
    [
        ("beats_rivals", "errors", "statistician_np"),
        ("fewer_labels", "regrets", "np"),
        ("beats_context_free", "regrets", "vae_np"),
        ("beats_gp_ucb", "baselines", "gp_ucb"),
    ],
)
def test_claim_is_unanswered_without_its_evidence(name, part, model):
    claim = found(with_(GOOD, part, **{model: None}))[name]
    assert claim.reproduced is None
    assert model in claim.how_much or "no number was studied" in claim.how_much


def test_claim_prefers_failure_over_missing_evidence():
    part = with_(GOOD, "errors", np=errors(0.01, 0.01, 0.01, 0.01), vae_np=None)
    assert found(part)["beats_rivals"].reproduced is False


def test_first_claims_use_few_labels_only():
    """NP is better with 400 labels, where everything is known: no counterexample."""
    after = found(with_(GOOD, "errors", np=errors(0.09, 0.08, 0.06, 0.001)))
    assert after["beats_rivals"].reproduced is True
    many = {400: GOOD.errors["ssnp"][400]}
    assert found(with_(GOOD, "errors", ssnp=many))["half_of_variance"].reproduced is None


def test_claim_rejects_insignificant_difference():
    """The mean is 0.001, of doors that differ by 0.1: no interval stays below zero."""
    luck = RNG.normal(0, 0.1, (SEEDS, DOORS))
    luck += 0.001 - luck.mean()
    rival = {n: values + luck for n, values in GOOD.errors["ssnp"].items()}
    claim = found(with_(GOOD, "errors", np=rival))["beats_rivals"]
    assert claim.reproduced is False
    mine = [f for f in claim.metrics if (f["measure"], f["rival"]) == ("reward_mse", "np")]
    assert all(f["difference"]["mean"] == pytest.approx(-0.001) for f in mine)
    assert all(f["difference"]["ci95"][1] > 0 for f in mine)


def test_claim_metrics_match_constructed_ratios():
    after = found(GOOD)
    assert after["half_of_variance"].how_much.startswith("0.4")  # 0.04 of 0.1, with 40
    assert after["half_of_variance"].how_much.endswith("with 40 labeled doors")
    (adapts,) = after["adapts"].metrics
    assert adapts["ratio"] == pytest.approx(0.4)
    assert (adapts["num_labeled"], adapts["certain"]) == (400, True)
    assert adapts["margin"]["n"] == LATCHED.sum()
    pairs = after["fewer_labels"].metrics
    assert [(f["num_labeled_np"], f["num_labeled"], f["least_that_reaches"]) for f in pairs] == [
        (160, 40, 40),
        (400, 40, 40),
    ]
    assert len(after["beats_rivals"].metrics) == 2 * 3 * 3  # measures, rivals, counts up to 160


def test_claims_use_label_count_nearest_to_400():
    assert GOOD.num_labeled == 400
    fewer = {n: r for n, r in GOOD.regrets["ssnp"].items() if n < 400}
    assert with_(GOOD, "regrets", ssnp=fewer).num_labeled == 160
    assert with_(GOOD, "regrets", ssnp=None).num_labeled is None
    nothing = with_(GOOD, "regrets", ssnp=None)
    assert found(nothing)["adapts"].reproduced is None
    assert found(nothing)["first_try"].reproduced is None


def test_adapts_claim_ignores_doors_without_latch():
    before, after = GOOD.regrets["ssnp"], regrets(0.5, 0.3, 0.2, 0.1)
    after[400][:, ~LATCHED, 4] = 1.0  # the fifth try on other doors may be as bad as it likes
    claim, same = (found(with_(GOOD, "regrets", ssnp=r))["adapts"] for r in (after, before))
    assert claim == same
    assert found(replace(GOOD, latched=np.zeros(DOORS, bool)))["adapts"].reproduced is None


def test_first_try_claim_shows_visible_oracle():
    """An oracle that has to guess the latch direction obtains 0.7 on average at first."""
    seen = np.tile(np.array([0.3, 0.0]), (1, DOORS, 1)) * GOOD.optimal[None, :, None]
    evidence = replace(GOOD, baselines={**GOOD.baselines, "visible_oracle": seen})
    claim, before = found(evidence)["first_try"], found(GOOD)["first_try"]
    assert claim.metrics[0]["with_all_seen"] == pytest.approx(0.7 * GOOD.optimal.mean())
    assert claim.how_much.startswith(before.how_much)
    assert claim.reproduced == before.reproduced


def sized(seeds, doors):
    """The first so many seeds and doors of the good study."""

    def cut(scores):
        return {
            model: {n: values[:seeds, :doors] for n, values in by_count.items()}
            for model, by_count in scores.items()
        }

    return replace(
        GOOD,
        errors=cut(GOOD.errors),
        regrets=cut(GOOD.regrets),
        first_rewards=cut(GOOD.first_rewards),
        baselines={name: values[:, :doors] for name, values in GOOD.baselines.items()},
        optimal=GOOD.optimal[:doors],
        latched=GOOD.latched[:doors],
    )


@pytest.mark.parametrize(
    ("seeds", "doors", "answered"),
    [(1, DOORS, False), (2, DOORS, False), (3, 49, False), (3, 50, True), (3, DOORS, True)],
)
def test_claims_of_small_studies_are_unanswered(seeds, doors, answered):
    for evidence in (sized(seeds, doors), with_(sized(seeds, doors), "errors", np=None)):
        for claim in claims(evidence):
            assert not (claim.too_small and answered)
            assert answered or claim.reproduced is None
    every = claims(sized(seeds, doors))
    assert [claim.too_small for claim in every] == [not answered] * len(NAMES)
    assert answered or all(
        "a result needs at least 3 training seeds and 50 doors" in c.how_much for c in every
    )
