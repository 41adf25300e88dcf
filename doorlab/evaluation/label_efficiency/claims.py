"""Claims of the papers about semi-supervised reward models, and tests of these claims on a study.

A claim is reproduced if the means satisfy it. A claim that one model beats another also requires
that the whole interval of the difference satisfies it. A claim is undecided if the study lacks the
data, or has too few seeds or doors (`MIN_SEEDS`, `MIN_DOORS`). Claims about a share ("at most half
of") report a margin: the first quantity minus the share of the second, paired by door and seed.

Legend: S training seeds, D doors, T interactions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from doorlab.evaluation.label_efficiency.summary import Scores, difference, per_door, scaled
from doorlab.intervals import MIN_DOORS, MIN_SEEDS, Estimate, bootstrap_crossed

FEW = 160  # largest number of labeled doors in claims about few labels
LABELED = 400  # number of labeled doors in claims about opening doors
RIVALS = ("np", "vae_np", "statistician_np")


def nearest_label_count(counts: Iterable[int]) -> int | None:
    """The number of labeled doors that is nearest to `LABELED`; None if `counts` is empty."""
    return min(counts, key=lambda n: (abs(n - LABELED), n), default=None)


@dataclass(frozen=True)
class Evidence:
    """Measurements of a study on held-out doors."""

    method: str
    """Name of the model that the claims are about."""
    errors: Scores
    """(S, D): squared error of predicted rewards."""
    variance: float
    """Variance of the target rewards."""
    regrets: Scores
    """(S, D, T): regret of the policy of each model."""
    first_rewards: Scores
    """(S, D): reward of the first interaction."""
    baselines: Mapping[str, np.ndarray]
    """(1, D, T): regrets of policies without training."""
    optimal: np.ndarray
    """(D,): rewards of the oracle."""
    latched: np.ndarray
    """(D,): mask of doors with a latch, whose direction is hidden."""
    seed: int = 0
    """Seed of the bootstrap."""

    @property
    def seeds(self) -> int:
        """Number of training seeds of the model that the claims are about."""
        return min((len(scores) for scores in self.errors.get(self.method, {}).values()), default=0)

    @property
    def doors(self) -> int:
        """Number of test doors."""
        return len(self.optimal)

    @property
    def num_labeled(self) -> int | None:
        """The number of labeled doors nearest to `LABELED` for which the study ran policies."""
        return nearest_label_count(self.regrets.get(self.method, {}))


@dataclass(frozen=True)
class Claim:
    """One claim and its result."""

    name: str
    claim: str
    """Text of the claim."""
    reproduced: bool | None
    """Whether the study reproduces the claim; None if it is undecided."""
    how_much: str
    """Text with the main numbers, or with the missing data."""
    metrics: list[dict[str, Any]] = field(default_factory=list)
    """All numbers behind the result."""
    too_small: bool = False
    """Whether the study has too few seeds or doors; `reproduced` is then None."""


def claims(evidence: Evidence) -> list[Claim]:
    """Tests all claims; returns the results in the order of `CLAIMS`.

    In a study with fewer than `MIN_SEEDS` training seeds or `MIN_DOORS` doors, all claims are
    undecided.
    """
    tested = [claim(evidence) for claim in CLAIMS]
    if evidence.seeds >= MIN_SEEDS and evidence.doors >= MIN_DOORS:
        return tested
    return [claim if claim.reproduced is None else _undecided(claim) for claim in tested]


def _undecided(claim: Claim) -> Claim:
    least = f"a result needs at least {MIN_SEEDS} training seeds and {MIN_DOORS} doors"
    words = f"{claim.how_much}; {least}"
    return replace(claim, reproduced=None, how_much=words, too_small=True)


def _half_of_variance(e: Evidence) -> Claim:
    text = (
        f"for some number of labeled doors up to {FEW}, the squared error is at most half of the "
        "variance of the rewards"
    )
    found = {
        labeled: scaled(bootstrap_crossed(per_door(values), seed=e.seed), 1 / e.variance)
        for labeled, values in sorted(e.errors.get(e.method, {}).items())
        if labeled <= FEW
    }
    if not found:
        return Claim(
            "half_of_variance", text, None, f"no number of labeled doors up to {FEW} was studied"
        )
    enough = [labeled for labeled, share in found.items() if share.mean <= 0.5]
    best = enough[0] if enough else min(found, key=lambda n: found[n].mean)
    return Claim(
        "half_of_variance",
        text,
        bool(enough),
        f"{found[best]} of the variance with {best} labeled doors",
        [{"num_labeled": n, "error_over_variance": share.to_json()} for n, share in found.items()],
    )


def _beats_rivals(e: Evidence) -> Claim:
    text = (
        f"for every number of labeled doors up to {FEW}, error and regret are lower than those of "
        f"{', '.join(RIVALS)}"
    )
    metrics, missing = [], set()
    for measure, scores in (("reward_mse", e.errors), ("regret", e.regrets)):
        for labeled in sorted(n for n in e.errors.get(e.method, {}) if n <= FEW):
            for rival in RIVALS:
                pair = [scores.get(model, {}).get(labeled) for model in (e.method, rival)]
                if pair[0] is None or pair[1] is None:
                    missing.add(f"{measure} of {rival}")
                    continue
                found = difference(pair[0], pair[1], e.seed)
                metrics.append(
                    {
                        "measure": measure,
                        "num_labeled": labeled,
                        "rival": rival,
                        "difference": found,
                    }
                )
    below = [f["difference"]["ci95"][1] < 0 for f in metrics]
    words = f"{sum(below)} of {len(below)} differences have an interval below zero"
    if missing:
        words += f"; incomplete: {', '.join(sorted(missing))}"
    return Claim("beats_rivals", text, _combine(below, missing), words, metrics)


def _fewer_labels(e: Evidence) -> Claim:
    text = (
        "the regret of np is reached with at most a quarter of the labeled doors of np "
        f"(for up to {LABELED} labeled doors of np)"
    )
    mine, theirs = e.regrets.get(e.method, {}), e.regrets.get("np", {})
    metrics = []
    for labeled in sorted(theirs):
        within = [n for n in mine if 4 * n <= labeled]
        if within:
            most, goal = max(within), float(theirs[labeled].mean())
            reaching = [n for n in sorted(mine) if mine[n].mean() <= goal]
            metrics.append(
                {
                    "num_labeled_np": labeled,
                    "num_labeled": most,
                    "difference": difference(mine[most], theirs[labeled], e.seed),
                    "least_that_reaches": reaching[0] if reaching else None,
                    "reproduced": bool(reaching) and 4 * reaching[0] <= labeled,
                    "counts": labeled <= LABELED,
                }
            )
    counted = [f for f in metrics if f["counts"]]
    words = "; ".join(
        f"np with {f['num_labeled_np']}: {_reached(f['least_that_reaches'])}" for f in metrics
    )
    if not counted:
        words = "; ".join(
            filter(None, [words, "no number was studied together with a quarter of it"])
        )
    holds = [f["reproduced"] for f in counted]
    return Claim("fewer_labels", text, _combine(holds, [] if holds else ["pairs"]), words, metrics)


def _reached(labeled: int | None) -> str:
    return "not reached" if labeled is None else f"reached with {labeled}"


def _adapts(e: Evidence) -> Claim:
    text = (
        "on doors with a latch, the regret of the fifth interaction is at most half of that of "
        "the first"
    )
    regrets = e.regrets.get(e.method, {}).get(e.num_labeled or -1)
    if regrets is None or regrets.shape[2] < 5 or not e.latched.any():
        return Claim("adapts", text, None, "no doors with a latch have five interactions")
    first, fifth = (regrets[:, e.latched, t] for t in (0, 4))
    return _share("adapts", text, e, fifth, first, 0.5)


def _less_than(name: str, rival: str, share: float) -> Callable[[Evidence], Claim]:
    """Makes the claim that mean regret is at most a share of that of another policy.

    A model is compared at the same number of labeled doors.
    """

    def claim(e: Evidence) -> Claim:
        text = f"the mean regret is at most {share:g} of the mean regret of {rival}"
        mine = e.regrets.get(e.method, {}).get(e.num_labeled or -1)
        theirs = e.regrets.get(rival, {}).get(e.num_labeled or -1, e.baselines.get(rival))
        if mine is None or theirs is None:
            return Claim(name, text, None, f"{rival} was not studied")
        return _share(name, text, e, per_door(mine), per_door(theirs), share)

    return claim


def _first_interaction(e: Evidence) -> Claim:
    text = "the reward of the first interaction is at least 0.85 of the reward of the oracle"
    mine = e.first_rewards.get(e.method, {}).get(e.num_labeled or -1)
    if mine is None:
        return Claim("first_try", text, None, "no policy was run")
    claim = _share("first_try", text, e, mine, e.optimal[None], 0.85, least=True)
    if "visible_oracle" not in e.baselines:
        return claim
    # The visible oracle bounds the first reward: no interaction has revealed a hidden parameter.
    visible = float(e.optimal.mean() - e.baselines["visible_oracle"][..., 0].mean())
    words = f"{claim.how_much}; {visible:.3f} for the visible oracle"
    return replace(claim, how_much=words, metrics=[{**claim.metrics[0], "with_all_seen": visible}])


CLAIMS: tuple[Callable[[Evidence], Claim], ...] = (
    _half_of_variance,
    _beats_rivals,
    _fewer_labels,
    _adapts,
    _less_than("beats_context_free", "vae_np", 0.7),
    _less_than("beats_gp_ucb", "gp_ucb", 0.25),
    _first_interaction,
)


def _share(
    name: str,
    text: str,
    e: Evidence,
    mine: np.ndarray,
    theirs: np.ndarray,
    share: float,
    *,
    least: bool = False,
) -> Claim:
    """Tests whether the mean of `mine` (S, D) is at most a share of that of `theirs` (S or 1, D).

    With `least`, tests whether it is at least that share.
    """
    margin = bootstrap_crossed(mine - share * theirs, seed=e.seed)
    ratio = float(mine.mean() / theirs.mean()) if theirs.mean() else None
    words = f"{mine.mean():.3f} against {theirs.mean():.3f}"
    if ratio is not None:
        words = f"{ratio:.2f}: {words}"
    metric = {
        "num_labeled": e.num_labeled, "value": float(mine.mean()), "against": float(theirs.mean()),
        "ratio": ratio, "share": share, "margin": margin.to_json(), "certain":
        _excludes_zero(margin),
    }  # fmt: skip
    holds = margin.mean >= 0 if least else margin.mean <= 0
    return Claim(name, text, bool(holds), f"{words}, with {e.num_labeled} labeled doors", [metric])


def _excludes_zero(margin: Estimate) -> bool:
    """Whether the 95 % interval excludes zero."""
    return margin.ci95[0] > 0 or margin.ci95[1] < 0


def _combine(holds: Iterable[bool], missing: Iterable[str]) -> bool | None:
    """Combines conditions: False if one fails, None if data is missing, otherwise True."""
    holds = list(holds)
    if not all(holds):
        return False
    return None if list(missing) or not holds else True
