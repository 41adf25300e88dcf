"""The summary at the top of the report: sentences and tiles with the main results."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from doorlab.plots.style import focus_model, has_shipped_weights, sort_models, style_of
from doorlab.report.page import Html, element, enumeration
from doorlab.report.run_files import RunFiles
from doorlab.report.tables.study import claim_counts
from doorlab.report.verdicts import guessing, is_at_chance
from doorlab.run_layout import CLAIMS_FILE, EXPLORER_FILE

_BASELINES = {"gp_ucb": "GP-UCB (which has no images)", "random": "random actions"}
_TARGETS = {"handedness": "the hinge's side", "swing": "pull or push"}


def percent(share: float | int) -> str:
    """A share as text in percent, with a non-breaking space."""
    return f"{100 * share:.0f}\u00a0%"


def explorer_link(folder: Path) -> list[Html]:
    """A link to the page of `doorlab explore`, if it lies in the folder of the report."""
    if not (folder / EXPLORER_FILE).is_file():
        return []
    link = element("a", "a page to drag latents and try actions", href=EXPLORER_FILE)
    return [element("p", "Beside this page lies ", link, ".")]


def best_policy(policies: dict[str, Any]) -> str:
    """The policy of the summary: SSNP, or without SSNP the policy with the lowest mean regret."""
    learned = [name for name in policies if "oracle" not in name] or list(policies)
    return focus_model(learned) or min(
        learned, key=lambda name: policies[name]["mean_regret"]["mean"]
    )


def headline(run: RunFiles) -> list[Html]:
    """Sentences and tiles of the summary; one sentence per available result."""
    parts = (_bandit_words(run), _probe_words(run), _study_words(run))
    sentences = [text for text in parts if text]
    tiles = [*_bandit_tiles(run), *_probe_tiles(run)]
    words = [element("p", text, class_="lead") for text in sentences]
    return words + ([element("ul", *tiles, class_="tiles")] if tiles else [])


def _bandit_words(run: RunFiles) -> str:
    policies = run.regret.get("policies", {})
    if not policies:
        return ""
    hero = best_policy(policies)
    label, metrics = style_of(hero).label, policies[hero]
    low, high = metrics["mean_regret"]["ci95"]
    horizon, doors = run.regret["horizon"], run.regret["doors"]
    result = (
        f"On {doors} held-out doors, {label}{_training_words(run, hero)} reaches "
        f"{percent(metrics['first_reward']['mean'])} of the full opening with its first "
        f"interaction. Over {horizon} interactions, its mean regret is "
        f"{metrics['mean_regret']['mean']:.3f} "
        f"(95\u00a0% interval {low:.3f} to {high:.3f})"
    )
    others = [
        f"{policies[name]['mean_regret']['mean']:.2f} for {words}"
        for name, words in _BASELINES.items()
        if name in policies and name not in (hero, best_other_policy(policies, hero))
    ]
    sentence = f"{result}, against {enumeration(others)}." if others else f"{result}."
    return f"{sentence} {_difference_words(run.regret, hero)}".rstrip()


def _training_words(run: RunFiles, hero: str) -> str:
    """The labeled doors and training seeds of the headline model, if the results contain them."""
    metrics = [m.metrics.get("metrics", {}) for m in run.models if m.name == hero]
    labeled = next((one["labeled_doors"] for one in metrics if "labeled_doors" in one), None)
    seeds = run.regret["policies"][hero].get("seeds", 1)
    parts = [f"trained with {labeled:,} labeled doors"] if labeled else []
    parts += [f"{seeds} training seeds"] if seeds > 1 else []
    return f" ({', '.join(parts)})" if parts else ""


def best_other_policy(policies: Mapping[str, Any], hero: str) -> str | None:
    """The policy with the lowest mean regret, except the headline model and the oracles.

    Shipped weights are left out: they were trained on other doors, with more labels.
    """
    others = [
        name
        for name in policies
        if name != hero and "oracle" not in name and not has_shipped_weights(name)
    ]
    return min(others, key=lambda name: policies[name]["mean_regret"]["mean"], default=None)


def _difference_words(regret: Mapping[str, Any], hero: str) -> str:
    """Sentence that compares the headline model with the best other policy, paired by door."""
    policies = regret["policies"]
    other = best_other_policy(policies, hero)
    if other is None:
        return ""
    names = {name: style_of(name).label for name in (hero, other)}
    words = (
        f"The best other policy is {names[other]} with {policies[other]['mean_regret']['mean']:.3f}"
    )
    margin = regret.get("paired_differences", {}).get(other, {}).get(hero)
    if not margin:
        return f"{words}."
    low, high = margin["ci95"]
    paired = (
        f"paired difference {margin['mean']:+.3f}, 95\u00a0% interval {low:+.3f} to {high:+.3f}"
    )
    if low > 0:
        return f"{words}: {names[hero]} is better ({paired})."
    if high < 0:
        return f"{words}: {names[hero]} is worse ({paired})."
    return f"{words}: the interval contains zero ({paired})."


def _probe_words(run: RunFiles) -> str:
    """Sentence on the probe scores of the statistician and of the best other model."""
    probes = run.probes.get("probes", {})
    if not probes:
        return ""
    model = _statistician(probes) or sort_models(probes)[0]
    others = [name for name in probes if name not in (model, "supervised")]
    parts = []
    for target, question in _TARGETS.items():
        if target not in probes[model]:
            continue
        score = probes[model][target]
        text = f"{question} on {percent(score['mean'])} of held-out doors"
        if is_at_chance(score, guessing(run.probes, target)):
            text += ", at chance level"
        known = [name for name in others if target in probes[name]]
        if known:
            best = max(known, key=lambda name: probes[name][target]["mean"])
            text += f" ({style_of(best).label}: {percent(probes[best][target]['mean'])})"
        parts.append(text)
    if not parts:
        return ""
    return (
        f"A linear probe predicts {enumeration(parts)} from the embedding of the "
        f"{style_of(model).label}, which is trained without labels."
    )


def _study_words(run: RunFiles) -> str:
    """Sentence with the number of reproduced claims of a study."""
    if not run.study:
        return ""
    claimed = run.study[CLAIMS_FILE]
    answers = claim_counts(claimed)
    counts = ", ".join(f"{answer}: {number}" for answer, number in answers.items())
    return (
        f"Whether claims about {style_of(claimed['method']).label} are reproduced on "
        f"{claimed['doors']} doors with {claimed['seeds']} training seeds: {counts}."
    )


def _bandit_tiles(run: RunFiles) -> list[Html]:
    policies = run.regret.get("policies", {})
    if not policies:
        return []
    hero = best_policy(policies)
    metrics, label = policies[hero], style_of(hero).label
    tiles = []
    opened = metrics.get("opened_by")
    if opened:
        n = min(3, len(opened))
        text = f"of held-out doors opened by {label} with the first interaction"
        tiles.append(_tile(percent(opened[0]), text))
        if n > 1:
            tiles.append(_tile(percent(opened[n - 1]), f"opened within {n} interactions"))
    beside = ""
    if "random" in policies:
        beside = f" (random: {policies['random']['mean_regret']['mean']:.2f})"
    regret = f"{metrics['mean_regret']['mean']:.3f}"
    return [*tiles, _tile(regret, f"mean regret of {label} per interaction{beside}")]


def _probe_tiles(run: RunFiles) -> list[Html]:
    probes = run.probes.get("probes", {})
    model = _statistician(probes)
    found = probes[model].get("handedness") if model else None
    if not model or not found or is_at_chance(found, guessing(run.probes, "handedness")):
        return []  # the sentence of `_probe_words` says that the score is at chance
    text = f"hinge side predicted from the embedding of the {style_of(model).label}"
    return [_tile(percent(found["mean"]), text)]


def _statistician(probes: Mapping[str, Any]) -> str | None:
    """The statistician of the headline; None without one."""
    return next((name for name in sort_models(probes) if name.endswith("statistician")), None)


def _tile(figure: str, text: str) -> Html:
    return element("li", element("b", figure), element("span", text))
