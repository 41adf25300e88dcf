"""What `doorlab study` can be told, and its presets."""

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
    """What pictures weigh beside rewards, in place of --architecture.reconstruction-weight."""

    ssnp: NonNegativeFloat = 0.05
    """In SSNP, which has the plain statistician."""
    attentive_ssnp: NonNegativeFloat = 0.05
    """In SSNP with attention."""
    contrastive_ssnp: NonNegativeFloat = 1.0
    """In SSNP with the contrastive statistician."""

    def __post_init__(self) -> None:
        check_limits(self, "--reconstruction-weights.")


@dataclass(frozen=True)
class Config(StudyConfig):
    """Which doors, models, numbers of labels and seeds, and how much of each."""

    data: Path | None = None
    """Dataset that is there already; one is made in OUT if none is named."""
    models: Annotated[tuple[str, ...], Option(REWARD_MODELS)] = ("np", "ssnp", "vae_np")
    """Models of `doorlab train`, two at least."""
    method: str = "ssnp"
    """Which of them the claims are about: ssnp, contrastive_ssnp or any other."""
    labelled: tuple[NonNegativeInt, ...] = (10, 30)
    """Numbers of labelled training doors; 0 for all of them."""
    seeds: tuple[Seed, ...] = (0,)
    """Seeds of the training runs; all learn from the same doors."""
    prior: Annotated[str, Option(tuple(PRIORS))] = DEFAULT_PRIOR
    """Prior of the doors of a dataset that is made here: narrow (one look for all), default. An
    import path MODULE:NAME and a JSON file of ranges (FILE.json) are accepted, too."""
    interactions: NonNegativeInt = 32
    """Interactions per door."""
    pretrained: Path | None = None
    """Folder with MODEL/rate-R/seed-S of models that are pretrained already; models that it lacks
    are pretrained here. It has to have all seeds of a model, or none, pretrained alike."""
    pretrain_steps: NonNegativeInt = 150
    """Optimiser steps of pretrained models; 0 for those of `doorlab pretrain`."""
    encoder_steps: NonNegativeInt = 130
    """Optimiser steps in which models learn to look that begin with nothing."""
    finetune_steps: NonNegativeInt = 60
    """Those in which models that begin with a pretrained one learn from rewards, too."""
    process_steps: PositiveInt = 270
    """Those after that, in which every model learns from interactions."""
    reconstruction_weights: ReconstructionWeights = field(default_factory=ReconstructionWeights)
    """What pictures weigh beside rewards, by model."""
    validate_every: PositiveInt = 100
    """Steps between looks at the validation doors."""
    tune_labels: NonNegativeInt = 30
    """The one of --labelled that learning rates are chosen with, if there are several."""
    test_doors: NonNegativeInt = 0
    """Test doors that figures are about, the first of the split; 0 for all."""
    eval_labels: tuple[NonNegativeInt, ...] = ()
    """Those of --labelled whose models open doors; all of them if none is named."""
    horizon: PositiveInt = 10
    """Tries on every door."""
    baselines: tuple[str, ...] = ("random", "oracle", "visible_oracle", "gp_ucb")
    """Policies without a model, of `doorlab bandit`. Import paths MODULE:NAME are accepted, too."""
    ood_priors: Annotated[tuple[str, ...], Option(tuple(PRIORS))] = ()
    """Other priors whose doors are opened, too, with models of about 400 labelled doors. Import
    paths MODULE:NAME and JSON files of ranges (FILE.json) are accepted, too."""


_STUDY = replace(
    Config(),
    models=("np", "ssnp", "contrastive_ssnp", "vae_np", "statistician_np", "contrastive_np"),
    labelled=(20, 40, 80, 160, 400, 0),
    seeds=(0, 1, 2),
    data_seed=7,  # of doors that nothing was tuned on
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
        test_fraction=1 / 44, validation_fraction=1 / 44, labelled=(20, 40, 80, 160, 400, 1000, 0),
    ),
}  # fmt: skip
