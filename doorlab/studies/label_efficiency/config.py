"""Config and presets of `doorlab study`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

from doorlab.doors import PRIORS
from doorlab.doors.priors import DEFAULT_PRIOR
from doorlab.limits import NonNegativeFloat, NonNegativeInt, PositiveInt, Seed, check_limits
from doorlab.models.registry import REWARD_MODELS
from doorlab.options import Option
from doorlab.studies.runs import StudyConfig


@dataclass(frozen=True)
class ReconstructionWeights:
    """Weights of the reconstruction loss by model; they replace the weight in --architecture."""

    ssnp: NonNegativeFloat = 0.005
    """Weight in SSNP with the statistician."""
    attentive_ssnp: NonNegativeFloat = 0.005
    """Weight in SSNP with attention."""
    tnp_ssnp: NonNegativeFloat = 0.005
    """Weight in SSNP with a transformer."""
    contrastive_ssnp: NonNegativeFloat = 1.0
    """Weight in SSNP with the contrastive statistician."""

    def __post_init__(self) -> None:
        check_limits(self, "--reconstruction-weights.")


@dataclass(frozen=True)
class Config(StudyConfig):
    """Doors, models, numbers of labeled doors, seeds and steps of the study."""

    data: Path | None = None
    """Folder of an existing dataset. Default: a dataset is generated in OUT."""
    models: Annotated[tuple[str, ...], Option(REWARD_MODELS)] = ("np", "ssnp", "vae_np")
    """Models of `doorlab train`; at least two."""
    method: str = "ssnp"
    """The model of --models that the claims are about."""
    num_labeled: tuple[NonNegativeInt, ...] = (10, 30)
    """Numbers of labeled training doors; 0 for all training doors."""
    seeds: tuple[Seed, ...] = (0,)
    """Training seeds; all runs use the same doors."""
    prior: Annotated[str, Option(tuple(PRIORS))] = DEFAULT_PRIOR
    """Prior of the doors of a generated dataset: narrow (one appearance for all doors), default, an
    import path MODULE:NAME, or a JSON file of ranges (FILE.json)."""
    interactions: NonNegativeInt = 32
    """Interactions per door of a generated dataset."""
    pretrained: Path | None = None
    """Folder with pretrained runs, as MODEL/rate-R/seed-S. Runs that it lacks are trained by the
    study. All seeds of a model must be pretrained with the same settings."""
    pretrain_steps: NonNegativeInt = 150
    """Optimizer steps of pretrained models; 0 for the default of `doorlab pretrain`."""
    encoder_steps: NonNegativeInt = 130
    """Encoder-phase steps of models whose encoder is trained from scratch."""
    finetune_steps: NonNegativeInt = 60
    """Encoder-phase steps of models whose encoder is initialized from a pretrained run."""
    process_steps: PositiveInt = 270
    """Process-phase steps of every model."""
    reconstruction_weights: ReconstructionWeights = field(default_factory=ReconstructionWeights)
    """Weights of the reconstruction loss by model."""
    validate_every: PositiveInt = 100
    """Steps between evaluations on validation doors."""
    tune_labels: NonNegativeInt = 30
    """The number in --num-labeled for selecting a learning rate, if there are several."""
    test_doors: NonNegativeInt = 0
    """Number of test doors, the first of the split; 0 for all."""
    eval_labels: tuple[NonNegativeInt, ...] = ()
    """The numbers in --num-labeled whose models are evaluated as policies; all if empty."""
    horizon: PositiveInt = 10
    """Interactions per door of the policies."""
    baselines: tuple[str, ...] = ("random", "oracle", "visible_oracle", "gp_ucb")
    """Policies of `doorlab bandit` without a model, or import paths MODULE:NAME."""
    ood_priors: Annotated[tuple[str, ...], Option(tuple(PRIORS))] = ()
    """Other priors whose doors the policies are also evaluated on, with the models of about 400
    labeled doors. Import paths MODULE:NAME and JSON files of ranges (FILE.json) are accepted."""


_STUDY = replace(
    Config(),
    models=("np", "ssnp", "contrastive_ssnp", "vae_np", "statistician_np", "contrastive_np"),
    num_labeled=(20, 40, 80, 160, 400, 0),
    seeds=(0, 1, 2),
    data_seed=7,  # no setting was tuned on doors of this seed
    doors=5000,
    frames=8,
    image_size=64,
    test_fraction=0.1,
    validation_fraction=0.1,
    simulator="torch",
    pretrain_steps=0,
    encoder_steps=1500,
    finetune_steps=300,
    process_steps=2000,
    validate_every=200,
    learning_rates=(2e-3, 4e-3),
    tune_labels=160,
    ood_priors=("wild",),
)
PRESETS: dict[str, Config] = {
    "tiny": Config(),
    "small": replace(_STUDY, preset="small"),
    "full": replace(
        _STUDY, preset="full", prior="default", doors=44_000, image_size=128,
        encoder_steps=30_000, finetune_steps=10_000, process_steps=70_000,
        test_fraction=1 / 44, validation_fraction=1 / 44,
        num_labeled=(20, 40, 80, 160, 400, 1000, 0),
    ),
}  # fmt: skip
