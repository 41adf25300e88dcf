"""Result files and figures of `doorlab study`, computed from its runs.

Legend: S training seeds, D test doors, N sizes of the context set, T interactions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from doorlab.data.dataset import DoorDataset
from doorlab.doors.priors import prior_label
from doorlab.errors import ConfigError
from doorlab.evaluation.hidden_groups import strata_by_hidden_parameter
from doorlab.evaluation.label_efficiency import (
    Evidence,
    Scores,
    claims,
    differences,
    reward_summary,
)
from doorlab.evaluation.label_efficiency.summary import difference
from doorlab.plots import studies
from doorlab.plots.style import save_png
from doorlab.result_schemas import read_part
from doorlab.results import write_result
from doorlab.run_layout import (
    BANDIT_FILE,
    BASELINES_FOLDER,
    CLAIMS_FILE,
    OOD_FOLDER,
    REGRET_FILE,
    REWARD_FILE,
    ROLLOUTS_FILE,
    bandit_folder,
)
from doorlab.storage.files import read_arrays
from doorlab.studies.label_efficiency.config import Config
from doorlab.studies.label_efficiency.scores import METRICS, read

Folders = dict[str, dict[int, list[Path]]]
"""Model -> number of labeled doors -> one run folder per seed."""


def write(
    config: Config, dataset: DoorDataset, folders: Folders, rates: Mapping[str, float]
) -> None:
    """Writes reward.json, bandit.json, the figures and, last, claims.json.

    Raises ConfigError if all test doors have the same rewards.
    """
    scores = {metric: _scores(folders, metric) for metric in METRICS}
    first = next(iter(folders[config.method].values()))[0]
    variance, contexts, doors = (read(first, name) for name in ("variance", "contexts", "doors"))
    if variance == 0:
        raise ConfigError(
            "test doors whose rewards differ", f"{len(doors)} that all give the same", "use others"
        )
    evidence = _evidence(config, dataset, doors, scores["reward_mse"], float(variance))
    about = {
        "method": config.method,
        "num_labeled": sorted(config.num_labeled),
        "seeds": len(config.seeds),
        "doors": len(doors),
        "learning_rates": dict(rates),
    }
    reward = {
        **about,
        "contexts": contexts.tolist(),
        "reward_variance": float(variance),
        "models": reward_summary(scores, float(variance)),
        "differences": {m: differences(scores[m], config.method) for m in METRICS},
    }
    opened = {**about, **_opened(config, evidence)}
    for name, draw in studies.FIGURES.items():
        save_png(draw(reward, opened), config.out / f"{name}.png")
    claimed = {**about, "claims": claims(evidence)}
    for name, content in ((REWARD_FILE, reward), (BANDIT_FILE, opened), (CLAIMS_FILE, claimed)):
        of_doors = (dataset.checksum, dataset.simulator)
        write_result(config.out / name, "study", config, {}, *of_doors, **content)


def _scores(folders: Folders, metric: str) -> Scores:
    """Model -> number of labeled doors -> values of a metric (S, D, N)."""
    return {
        model: {labeled: np.stack([read(f, metric) for f in runs]) for labeled, runs in of.items()}
        for model, of in folders.items()
    }


def _evidence(
    config: Config, dataset: DoorDataset, doors: np.ndarray, errors: Scores, variance: float
) -> Evidence:
    regrets: dict[str, dict[int, np.ndarray]] = {model: {} for model in config.models}
    first: dict[str, dict[int, np.ndarray]] = {model: {} for model in config.models}
    for labeled in config.eval_labels:
        folder = bandit_folder(config.out, labeled)
        for model in config.models:
            regrets[model][labeled] = _rollouts(folder, model, "regrets")
            first[model][labeled] = _rollouts(folder, model, "rewards")[..., 0]
    baselines = config.out / BASELINES_FOLDER
    return Evidence(
        method=config.method,
        errors=errors,
        variance=variance,
        regrets=regrets,
        first_rewards=first,
        baselines={name: _rollouts(baselines, name, "regrets") for name in config.baselines},
        optimal=dataset.read("optimal_reward", doors),
        latched=~strata_by_hidden_parameter(dataset.doors(doors))["latch"]["none"],
    )


def _rollouts(folder: Path, policy: str, part: str) -> np.ndarray:
    """An array (S, D, T) of a policy of `doorlab bandit`; S is 1 for policies without seeds."""
    name = f"{policy}/{part}"
    values = read_arrays(folder / ROLLOUTS_FILE, [name])[name]
    return values if values.ndim == 3 else values[None]


def _opened(config: Config, evidence: Evidence) -> dict[str, Any]:
    """Summaries of the policies by `doorlab bandit`, and paired differences of mean regret."""
    policies: dict[str, dict[str, Any]] = {model: {} for model in config.models}
    for labeled in sorted(config.eval_labels):
        result = read_part(bandit_folder(config.out, labeled) / REGRET_FILE, "bandit")
        for model in config.models:
            policies[model][str(labeled)] = result["policies"][model]
    baselines: dict[str, Any] = {}
    if config.baselines:
        baselines = read_part(config.out / BASELINES_FOLDER / REGRET_FILE, "bandit")["policies"]
    regrets = evidence.regrets[config.method]
    against = {
        f"{config.method} - {name}": {
            str(n): difference(mine, theirs) for n, mine in regrets.items()
        }
        for name, theirs in evidence.baselines.items()
    }
    return {
        "num_labeled": sorted(config.eval_labels),
        "horizon": config.horizon,
        "policies": policies,
        "baselines": baselines,
        "differences": differences(evidence.regrets, config.method) | against,
        "ood": {
            prior: {
                "num_labeled": evidence.num_labeled,
                **{name: found[name] for name in ("doors", "policies", "paired_differences")},
            }
            for prior, found in _ood_results(config)
        },
    }


def _ood_results(config: Config) -> Iterator[tuple[str, dict[str, Any]]]:
    for prior in map(prior_label, config.ood_priors):
        yield prior, read_part(config.out / OOD_FOLDER / prior / REGRET_FILE, "bandit")
