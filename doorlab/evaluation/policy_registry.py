"""Registry of the policies of `doorlab bandit`, and their construction from names.

Names of policies:

random                 a policy without a model
ssnp, ssnp:greedy      a policy with a model of `doorlab train`: KIND:STRATEGY, the kind of the
                       model and the strategy that uses it (default: greedy)
ssnp:ensemble          the mean prediction of all runs of a kind of model, as one policy
linucb                 a strategy with a model, without KIND: uses the first model
barn:careful           a policy without a model from outside doorlab: the import path of a callable
                       (doors, exploration) -> Policy, for example a class with that constructor
ssnp:barn:careful      a policy with a model from outside doorlab: KIND and the import path of a
                       callable (model, labeled, exploration, device) -> Policy
ssnp-narrow:ucb        a policy with shipped weights: their KIND contains their name, so that they
                       are no further training seed of a run

Other packages register names with entry points of the groups "doorlab.policies" and
"doorlab.model_policies". A policy has the two methods of `doorlab.bandit.Policy`. The arguments of
the callables are

doors                  the held-out doors; only privileged policies (oracles) may use them
exploration            the ExplorationConfig of the command
model                  a reward model on the device, in evaluation mode
labeled               a function that reads the labeled doors of the model's training
device                 name of a torch device
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from doorlab.bandit import Policy
from doorlab.bandit.ensemble import EnsembleModel
from doorlab.bandit.policies import (
    ContextualPriorPolicy,
    EpsilonConfig,
    EpsilonGreedyPolicy,
    GPConfig,
    GPThompsonPolicy,
    GPUCBPolicy,
    LabeledDataset,
    LinUCBConfig,
    LinUCBPolicy,
    ModelConfig,
    ModelPolicy,
    NeuralLinearPolicy,
    OraclePolicy,
    RandomPolicy,
    TabPFNPolicy,
    VisibleOraclePolicy,
)
from doorlab.bandit.policies.cpp import RESIDUALS
from doorlab.bandit.residual_gp import ResidualConfig
from doorlab.data.dataset import DoorDataset
from doorlab.doors import Door
from doorlab.errors import CheckpointError, ConfigError, unknown_name
from doorlab.limits import FiniteFloat, NonNegativeFloat, Share, at_least, check_limits
from doorlab.models.description import read_description
from doorlab.models.hub.locate import shipped_name
from doorlab.models.io import load_model
from doorlab.models.registry import REWARD_MODELS, is_reward_model, reward_model_spec
from doorlab.registry import Registry, takes_arguments
from doorlab.run_layout import METRICS_FILE
from doorlab.storage.files import read_json
from doorlab.storage.json_schema import misfit

_MAX_LABELED = 2000  # labeled doors of LinUCB and neural-linear; more may not fit into memory


@dataclass(frozen=True)
class ExplorationConfig:
    """Exploration settings of the policies. Raises ConfigError for values that are out of range."""

    residuals: bool = True
    """Correct the predictions of models by a Gaussian process on the residuals of the rewards that
    were observed on the door; otherwise KIND, KIND:ucb, KIND:thompson, KIND:epsilon and
    KIND:ensemble use the predictions alone, as in the papers."""
    kappa: FiniteFloat = 1.0
    """KIND:ucb maximizes mean + kappa * std of the model's prediction."""
    epsilon: Share = 0.1
    """Share of the actions of KIND:epsilon that are random, from 0 to 1."""
    alpha: FiniteFloat = LinUCBConfig.alpha
    """linucb maximizes mean + alpha * std of its linear regression."""
    beta: NonNegativeFloat = GPConfig.beta
    """gp_ucb maximizes mean + sqrt(beta) * std of its Gaussian process."""
    cpp_beta: NonNegativeFloat = RESIDUALS.beta
    """cpp maximizes mean + sqrt(cpp_beta) * std of its Gaussian process."""

    def __post_init__(self) -> None:
        check_limits(self, "--exploration.")


@dataclass(frozen=True)
class PolicySpec:
    """One policy with one training seed."""

    name: str
    """Name in results: KIND for the greedy strategy, KIND:STRATEGY for other strategies, or the
    strategy alone for a policy without a model."""
    strategy: str
    """Name in MODEL_FREE_POLICIES or, with a run, in MODEL_POLICIES; or an import path."""
    run: Path | None = None
    """Run folder of `doorlab train`; None for a policy without a model."""
    seed: int = 0
    """Training seed of the model."""
    members: tuple[Path, ...] = ()
    """Run folders of an ensemble; empty for a policy with one model."""


MakePolicy = Callable[[Sequence[Door], ExplorationConfig], Policy]
MakeModelPolicy = Callable[[Any, Callable[[], LabeledDataset], ExplorationConfig, str], Policy]

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
ENSEMBLE = "ensemble"  # greedy, with all runs of a kind
_DEFAULTS = ("random", "oracle", "visible_oracle", "gp_ucb")


def _choosing(choice: str) -> Callable[[Any, Any, ExplorationConfig, str], Policy]:
    def make(model: Any, labeled: Any, weights: ExplorationConfig, device: str) -> Policy:
        return ModelPolicy(model, _model_config(weights, choice), device)

    return make


def _model_config(weights: ExplorationConfig, choice: str) -> ModelConfig:
    residuals = ResidualConfig() if weights.residuals else None
    return ModelConfig(choice=choice, kappa=weights.kappa, residuals=residuals)


def _epsilon(model: Any, labeled: Any, weights: ExplorationConfig, device: str) -> Policy:
    greedy = ModelPolicy(model, _model_config(weights, "greedy"), device)
    return EpsilonGreedyPolicy(greedy, EpsilonConfig(weights.epsilon))


def _cpp(model: Any, labeled: Any, weights: ExplorationConfig, device: str) -> Policy:
    return ContextualPriorPolicy(model, replace(RESIDUALS, beta=weights.cpp_beta), device)


def _linucb(model: Any, labeled: Any, weights: ExplorationConfig, device: str) -> Policy:
    return LinUCBPolicy(model, labeled(), LinUCBConfig(alpha=weights.alpha), device)


def _neural_linear(model: Any, labeled: Any, weights: ExplorationConfig, device: str) -> Policy:
    return NeuralLinearPolicy(model, labeled(), device=device)


def _tabpfn(model: Any, labeled: Any, weights: ExplorationConfig, device: str) -> Policy:
    return TabPFNPolicy(model, labeled(), device=device)


MODEL_POLICIES: Registry[MakeModelPolicy] = Registry(
    "policy of a model",
    "doorlab.model_policies",
    {
        "greedy": _choosing("greedy"),
        "ucb": _choosing("ucb"),
        "thompson": _choosing("thompson"),
        ENSEMBLE: _choosing("greedy"),
        "epsilon": _epsilon,
        "linucb": _linucb,
        "neural_linear": _neural_linear,
        "cpp": _cpp,
        "tabpfn": _tabpfn,
    },
    takes_arguments(4),
    "a callable (model, labeled, exploration, device) that returns a Policy",
)


def policy_specs(
    names: Sequence[str], runs: Sequence[Path], dataset: DoorDataset
) -> dict[str, PolicySpec]:
    """The policies to evaluate, one per training seed: unique key -> specification.

    Args:
        names: names of policies as typed; if empty, the default policies and the greedy policy of
            every model.
        runs: run folders of `doorlab train`, and exported folders.
        dataset: dataset whose image size the models must have.

    Raises:
        ConfigError: if a name is unknown or listed twice, if two runs have the same kind and seed,
            if a policy needs a model and there is none, and for Thompson sampling with a model
            that has no latent.
        CheckpointError: if a run can't be read, predicts no rewards, or has another image size than
            the dataset.
    """
    by_kind = _by_kind(runs, dataset)
    entries: dict[str, PolicySpec] = {}
    for name in names or (*_DEFAULTS, *by_kind):
        for entry in _entries(name, by_kind):
            key = f"{entry.name}@{entry.seed}"
            if key in entries:
                got = f"{entry.name} more than once"
                raise ConfigError("every policy once", got, "remove the duplicate")
            entries[key] = entry
    return entries


def make_policy(
    entry: PolicySpec,
    dataset: DoorDataset,
    doors: Sequence[Door],
    weights: ExplorationConfig,
    device: str,
) -> Policy:
    """Makes the policy of an entry.

    Args:
        entry: specification of the policy.
        dataset: dataset of the labeled doors.
        doors: the doors to open; only oracles use them.
        weights: exploration settings.
        device: torch device of the model.

    Raises ConfigError if a callable from outside doorlab returns an object that is not a Policy.
    """
    if entry.run is None:
        policy = MODEL_FREE_POLICIES.get_named(entry.strategy)(doors, weights)
    else:
        run, model = entry.run, _load(entry, device)
        policy = MODEL_POLICIES.get_named(entry.strategy)(
            model, lambda: labeled_doors(run, dataset), weights, device
        )
    if not isinstance(policy, Policy):
        raise ConfigError(
            f"a Policy with begin and act from {entry.strategy}",
            f"an object of the type {type(policy).__name__}",
            "return a Policy from the callable",
        )
    return policy


def _load(entry: PolicySpec, device: str) -> Any:
    """The model of a policy, on the device, in evaluation mode."""
    runs = entry.members or (entry.run,)
    models: list[Any] = [load_model(run).to(device).eval() for run in runs if run is not None]
    return EnsembleModel(models) if entry.members else models[0]


def labeled_doors(run: Path, dataset: DoorDataset) -> LabeledDataset:
    """Labeled doors of the model's training, at most 2,000.

    These are the first doors of the training split. If the model was trained on another dataset,
    the function returns doors of the whole training split.
    """
    doors = dataset.indices("train")
    if read_description(run).dataset_checksum == dataset.checksum:
        doors = doors[: _labeled_count(run) or len(doors)]
    doors = doors[:_MAX_LABELED]
    return LabeledDataset(*(dataset.read(name, doors) for name in ("images", "actions", "rewards")))


def _labeled_count(run: Path) -> int | None:
    """Number of labeled doors of a run, if its metrics contain it."""
    card = read_description(run).card
    if card is not None:
        return card["training"].get("labeled_doors")
    metrics = read_json(run / METRICS_FILE, CheckpointError)
    wrong = misfit(metrics, {"metrics?": {"labeled_doors?": at_least(1)}})
    if wrong:
        raise CheckpointError(f"the metrics of {run}", wrong, "train the model again")
    return metrics.get("metrics", {}).get("labeled_doors")


def _entries(name: str, by_kind: dict[str, dict[int, Path]]) -> list[PolicySpec]:
    """The specifications of a policy name as typed, one per training seed."""
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
            f"a model with a latent to sample from, for {name}",
            f"a {kind}, which has no latent",
            f"use {kind}:ucb or {kind}:greedy",
        )
    name = kind if strategy in ("", "greedy") else f"{kind}:{strategy}"
    if strategy == ENSEMBLE:
        members = tuple(by_kind[kind].values())
        return [PolicySpec(name, strategy, members[0], members=members)]
    return [
        PolicySpec(name, strategy or "greedy", run, seed) for seed, run in by_kind[kind].items()
    ]


def _is_outside(module: str, attribute: str) -> bool:
    """Whether MODULE:ATTRIBUTE is an import path, and not a misspelled KIND:STRATEGY."""
    return bool(attribute) and module not in REWARD_MODELS and attribute not in MODEL_POLICIES


def _has_latent(run: Path) -> bool:
    """Whether the model of a run has a latent, which Thompson sampling needs."""
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
                "evaluate the two runs separately, with different --out",
            )
        found[kind][seed] = run
    return found


def _about(run: Path, dataset: DoorDataset) -> tuple[str, int]:
    """Kind of model and training seed of a run.

    Raises CheckpointError if the model predicts no rewards, or has another image size than the
    dataset.
    """
    about = read_description(run)
    size, kind = about.image_size, about.name
    try:
        predicts_rewards = is_reward_model(about.kind)
    except ConfigError as error:
        raise CheckpointError(f"{error.expected}, in {run}", error.got, error.fix) from None
    if not predicts_rewards:
        raise CheckpointError(
            f"a model that predicts rewards in {run}", f"a {kind}", "give a run of `doorlab train`"
        )
    if size != dataset.image_size:
        raise CheckpointError(
            f"a model for frames of {dataset.image_size} pixels, as in {dataset.path}",
            f"{kind} for {size} pixels in {run}",
            "train on a dataset of the same image size",
        )
    shipped = shipped_name(run)
    return f"{kind}-{shipped.partition('/')[0]}" if shipped else kind, about.seed
