"""The settings of `doorlab train`: a reward model, and the two phases of its training."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from doorlab.learning.config import LearningConfig
from doorlab.limits import NonNegativeFloat, NonNegativeInt, PositiveInt, Share, check_limits
from doorlab.models.registry import REWARD_MODELS
from doorlab.options import Option


@dataclass(frozen=True)
class ProcessConfig:
    """Interactions and embeddings of the process phase. Raises ConfigError for bad values."""

    context: Annotated[NonNegativeInt, Option(aliases=("--context",))] = 10
    """Largest number of interactions in a door's context set."""
    targets: Annotated[PositiveInt, Option(aliases=("--targets",))] = 22
    """Number of interactions in a door's target set."""
    batch_size: Annotated[PositiveInt, Option(aliases=("--process-batch-size",))] = 64
    """Labeled doors per step of the process phase. Their embeddings are cached."""
    empty_context_prob: Annotated[Share, Option(aliases=("--empty-context-prob",))] = 0.1
    """Fraction of the doors of a step that get an empty context set."""
    whitening_eps: Annotated[Share | None, Option(aliases=("--whitening-eps",))] = None
    """Floor of the whitening of embeddings, as a fraction of their variance. Embeddings that are
    learned from labels alone: directions with less variance are scaled down (None: 0.2). Embeddings
    that are learned from unlabeled frames, too, are split into independent components: directions
    with less variance are left out (None: 0.0001)."""
    embedding_noise: Annotated[NonNegativeFloat | None, Option(aliases=("--embedding-noise",))] = (
        None
    )
    """Noise on the whitened embeddings of labeled doors. Its standard deviation, relative to that
    of the embeddings, is this number divided by the square root of the number of such doors. None:
    4 for embeddings that are learned from labels alone, 2.5 for others."""

    def __post_init__(self) -> None:
        check_limits(self, "--process.")


@dataclass(frozen=True)
class RewardConfig(LearningConfig):
    """The settings of `doorlab train`."""

    model: Annotated[str, Option(REWARD_MODELS)] = "ssnp"
    """Reward model. An import path MODULE:NAME of a RewardModelSpec is accepted, too."""
    out: Path = Path("runs/train")
    """Folder of the run."""
    batch_size: PositiveInt = 32
    """Labeled doors per step of the encoder phase."""
    frames: PositiveInt = 3
    """Frames per door and step, sampled anew at every step."""
    unlabeled_batch_size: PositiveInt = 8
    """Doors per step of the encoder phase whose frames joint models learn from without labels."""
    encoder_fraction: Share = 0.33
    """Fraction of the steps in the encoder phase, which trains the encoder from frames without
    interactions. The process phase follows: it freezes the encoder and trains the neural process
    from interactions. Models on a frozen pretrained encoder have the process phase only."""
    mirror: bool = True
    """Mirror random doors, half of them on average, together with their actions."""
    keep_best: bool = True
    """End each phase with the weights that have the smallest squared error on validation doors;
    otherwise with the weights of the last step."""
    process: ProcessConfig = field(default_factory=ProcessConfig)
    """Process phase."""
    pretrained: Path | None = None
    """Run of `doorlab pretrain`, folder of `doorlab export`, or name of shipped weights (narrow:
    its statistician). vae_np needs one of a vae, statistician_np and statistician_tnp of a
    statistician, contrastive_np of a contrastive_statistician. For ssnp, attentive_ssnp and
    tnp_ssnp (statistician) and contrastive_ssnp (contrastive_statistician) it initializes the
    encoder, and is optional."""
    encoder: Path | None = None
    """Run of `doorlab train` of the same model. Its encoder is used without further training: the
    run has the process phase only. Several seeds on one encoder need little time."""
    num_labeled: NonNegativeInt = 0
    """Number of labeled training doors, the first of the split; 0 for all. --online ignores it:
    there, every door is labeled."""
