"""The policies of `doorlab bandit` by name: which there are, and how each is made.

random                 a policy that needs no model
ssnp, ssnp:greedy      one that a run of `doorlab train` makes possible: the kind of its model, a
                       colon, and what is made of it (greedy if nothing is said)
linucb                 the same, for the first model
barn:careful           a policy without a model from outside doorlab: the import path of a callable
                       (doors, exploration) -> Policy, such as a class with that constructor
ssnp:barn:careful      what the callable of an import path makes of a model:
                       (model, labelled, exploration, device) -> Policy

Other packages name theirs by entry points of the groups "doorlab.policies" and
"doorlab.model_policies". A policy has the two methods of `doorlab.bandit.Policy`. It is made from

doors                  the held-out doors, which only a privileged policy may look at
exploration            the ExplorationConfig of the command
model                  a reward model on the device, in evaluation mode
labelled               a function that reads the doors that the model learned from
device                 name of a torch device
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from doorlab.bandit import Policy
from doorlab.bandit.policies import (
    ContextualPriorPolicy,
    EpsilonConfig,
    EpsilonGreedyPolicy,
    GPConfig,
    GPThompsonPolicy,
    GPUCBPolicy,
    LabelledDataset,
    LinUCBConfig,
    LinUCBPolicy,
    ModelConfig,
    ModelPolicy,
    NeuralLinearPolicy,
    OraclePolicy,
    RandomPolicy,
    VisibleOraclePolicy,
)
from doorlab.bandit.policies.cpp import RESIDUALS
from doorlab.data.dataset import DoorDataset
from doorlab.doors import Door
from doorlab.errors import CheckpointError, ConfigError, unknown_name
from doorlab.limits import FiniteFloat, NonNegativeFloat, Share, at_least, check_limits
from doorlab.models.description import read_description
from doorlab.models.io import load_model
from doorlab.models.registry import REWARD_MODELS, is_reward_model, reward_model_spec
from doorlab.registry import Registry, takes_arguments
from doorlab.storage.files import read_json
from doorlab.storage.json_schema import misfit

_MAX_LABELLED = 2000  # doors that LinUCB and neural-linear learn from at most: they fit in memory


@dataclass(frozen=True)
class ExplorationConfig:
    """How much each policy explores. Raises ConfigError for what a policy would refuse later."""

    kappa: FiniteFloat = 1.0
    """KIND:ucb takes the largest mean + kappa * std of a model."""
    epsilon: Share = 0.1
    """Share of the tries of KIND:epsilon that are random."""
    alpha: FiniteFloat = LinUCBConfig.alpha
    """linucb takes the largest mean + alpha * std."""
    beta: NonNegativeFloat = GPConfig.beta
    """gp_ucb takes the largest mean + sqrt(beta) * std."""
    cpp_beta: NonNegativeFloat = RESIDUALS.beta
    """The same of cpp."""

    def __post_init__(self) -> None:
        check_limits(self, "--exploration.")


@dataclass(frozen=True)
class PolicySpec:
    """One policy with one training seed."""

    name: str
    """In results: KIND for the greedy one, KIND:WAY for others, or the strategy without a model."""
    strategy: str
    """A name of MODEL_FREE_POLICIES or, with a run, of MODEL_POLICIES; or an import path."""
    run: Path | None = None
    """Of `doorlab train`."""
    seed: int = 0
    """That it was trained with."""


MakePolicy = Callable[[Sequence[Door], ExplorationConfig], Policy]
MakeModelPolicy = Callable[[Any, Callable[[], LabelledDataset], ExplorationConfig, str], Policy]

MODEL_FREE_POLICIES: Registry[MakePolicy] = Registry(
    "policy",
    "doorlab.policies",
    {
        "random": lambda doors, weights: RandomPolicy(),
        "oracle": lambda doors, weights: OraclePolicy(doors),
        "visible_oracle": lambda doors, weights: VisibleOraclePolicy(doors),
        "gp_ucb": lambda doors, weights: GPUCBPolicy(GPConfig(beta=weights.beta)),
        "gp_ts": lambda doors, weights: GPThompsonPolicy(),
    },
    takes_arguments(2),
    "a callable (doors, exploration) that returns a Policy",
)
_DEFAULTS = ("random", "oracle", "visible_oracle", "gp_ucb")


def _choosing(choice: str) -> Callable[[Any, Any, ExplorationConfig, str], Policy]:
    def make(model: Any, labelled: Any, weights: ExplorationConfig, device: str) -> Policy:
        return ModelPolicy(model, ModelConfig(choice=choice, kappa=weights.kappa), device)

    return make


def _epsilon(model: Any, labelled: Any, weights: ExplorationConfig, device: str) -> Policy:
    greedy = ModelPolicy(model, ModelConfig(), device)
    return EpsilonGreedyPolicy(greedy, EpsilonConfig(weights.epsilon))


def _cpp(model: Any, labelled: Any, weights: ExplorationConfig, device: str) -> Policy:
    return ContextualPriorPolicy(model, replace(RESIDUALS, beta=weights.cpp_beta), device)


def _linucb(model: Any, labelled: Any, weights: ExplorationConfig, device: str) -> Policy:
    return LinUCBPolicy(model, labelled(), LinUCBConfig(alpha=weights.alpha), device)


def _neural_linear(model: Any, labelled: Any, weights: ExplorationConfig, device: str) -> Policy:
    return NeuralLinearPolicy(model, labelled(), device=device)


MODEL_POLICIES: Registry[MakeModelPolicy] = Registry(
    "policy of a model",
    "doorlab.model_policies",
    {
        "greedy": _choosing("greedy"),
        "ucb": _choosing("ucb"),
        "thompson": _choosing("thompson"),
        "epsilon": _epsilon,
        "linucb": _linucb,
        "neural_linear": _neural_linear,
        "cpp": _cpp,
    },
    takes_arguments(4),
    "a callable (model, labelled, exploration, device) that returns a Policy",
)


def panel(
    names: Sequence[str], runs: Sequence[Path], dataset: DoorDataset
) -> dict[str, PolicySpec]:
    """What is to be evaluated, under keys of its own: a policy has one entry per training seed.

    Args:
        names: as typed; none of them for the default ones and every model's greedy policy.
        runs: of `doorlab train`.
        dataset: whose frames the models must take.

    Raises:
        ConfigError: for a name that is unknown or comes twice, for two runs of one kind and seed,
            for nothing to evaluate, and for draws from a model that has no latent.
        CheckpointError: for a run that can't be read, that predicts no rewards, or that does not
            fit the dataset.
    """
    by_kind = _by_kind(runs, dataset)
    entries: dict[str, PolicySpec] = {}
    for name in names or (*_DEFAULTS, *by_kind):
        for entry in _entries(name, by_kind):
            key = f"{entry.name}@{entry.seed}"
            if key in entries:
                raise ConfigError("every policy once", f"{entry.name} more than once", "drop one")
            entries[key] = entry
    return entries


def make_policy(
    entry: PolicySpec,
    dataset: DoorDataset,
    doors: Sequence[Door],
    weights: ExplorationConfig,
    device: str,
) -> Policy:
    """The policy of an entry; only the oracles look at `doors`.

    Raises ConfigError for an object from outside doorlab that is no Policy.
    """
    if entry.run is None:
        policy = MODEL_FREE_POLICIES.get_named(entry.strategy)(doors, weights)
    else:
        run, model = entry.run, load_model(entry.run)
        policy = MODEL_POLICIES.get_named(entry.strategy)(
            model.to(device).eval(), lambda: labelled_doors(run, dataset), weights, device
        )
    if not isinstance(policy, Policy):
        raise ConfigError(
            f"a Policy with begin and act from {entry.strategy}",
            f"an object of the type {type(policy).__name__}",
            "return one from the callable",
        )
    return policy


def labelled_doors(run: Path, dataset: DoorDataset) -> LabelledDataset:
    """The doors whose interactions the model of a run learned from, at most 2,000 of them.

    Those are the first of the training split; all of it where the model learned from other doors.
    """
    doors = dataset.indices("train")
    if read_description(run).dataset_checksum == dataset.checksum:
        doors = doors[: _labelled_count(run) or len(doors)]
    doors = doors[:_MAX_LABELLED]
    return LabelledDataset(
        *(dataset.read(name, doors) for name in ("images", "actions", "rewards"))
    )


def _labelled_count(run: Path) -> int | None:
    """How many doors a run learned from, if it says so."""
    metrics = read_json(run / "metrics.json", CheckpointError)
    wrong = misfit(metrics, {"figures?": {"labelled_doors?": at_least(1)}})
    if wrong:
        raise CheckpointError(f"the metrics of {run}", wrong, "train the model again")
    return metrics.get("figures", {}).get("labelled_doors")


def _entries(name: str, by_kind: dict[str, dict[int, Path]]) -> list[PolicySpec]:
    """A name as typed, for every training seed."""
    if name in MODEL_FREE_POLICIES:
        return [PolicySpec(name, name)]
    kind, _, strategy = name.partition(":")
    if not strategy and kind in MODEL_POLICIES and kind not in by_kind:
        if not by_kind:
            raise ConfigError(f"--models for the policy {kind}", "none", "give a trained run")
        kind, strategy = next(iter(by_kind)), kind
    if kind not in by_kind and _is_outside(kind, strategy):
        MODEL_FREE_POLICIES.get_named(name)
        return [PolicySpec(name, name)]
    if kind not in by_kind:
        ways = [f"{k}:{w}" for k in by_kind for w in MODEL_POLICIES]
        raise unknown_name("policy", name, [*MODEL_FREE_POLICIES, *by_kind, *ways])
    if ":" in strategy:
        MODEL_POLICIES.get_named(strategy)
    elif (strategy or "greedy") not in MODEL_POLICIES:
        raise unknown_name(f"policy of {kind}", strategy, MODEL_POLICIES)
    if strategy == "thompson" and not all(map(_has_latent, by_kind[kind].values())):
        raise ConfigError(
            f"a model with a latent to sample, for {name}",
            f"a {kind}, which has none",
            f"use {kind}:ucb or {kind}:greedy",
        )
    name = kind if strategy in ("", "greedy") else f"{kind}:{strategy}"
    return [
        PolicySpec(name, strategy or "greedy", run, seed) for seed, run in by_kind[kind].items()
    ]


def _is_outside(module: str, attribute: str) -> bool:
    """Whether MODULE:ATTRIBUTE is an import path, rather than a slip in KIND:WAY."""
    return bool(attribute) and module not in REWARD_MODELS and attribute not in MODEL_POLICIES


def _has_latent(run: Path) -> bool:
    """Whether Thompson sampling can draw from the model of a run."""
    return reward_model_spec(read_description(run).kind).has_latent


def _by_kind(runs: Sequence[Path], dataset: DoorDataset) -> dict[str, dict[int, Path]]:
    """Kind of model -> training seed -> run."""
    found: dict[str, dict[int, Path]] = {}
    for run in runs:
        kind, seed = _about(run, dataset)
        if seed in found.setdefault(kind, {}):
            raise ConfigError(
                f"runs of {kind} with different seeds",
                f"seed {seed} in {found[kind][seed]} and in {run}",
                "evaluate the two into two --out",
            )
        found[kind][seed] = run
    return found


def _about(run: Path, dataset: DoorDataset) -> tuple[str, int]:
    """A run's kind of model and training seed, if the model is one of rewards, for these frames."""
    about = read_description(run)
    size, kind = about.image_size, about.name
    if not is_reward_model(about.kind):
        raise CheckpointError(
            f"a model that predicts rewards in {run}", f"a {kind}", "give a run of `doorlab train`"
        )
    if size != dataset.image_size:
        raise CheckpointError(
            f"a model for frames of {dataset.image_size} pixels, as in {dataset.path}",
            f"{kind} for {size} pixels in {run}",
            "train on a dataset of the same image size",
        )
    return kind, about.seed
