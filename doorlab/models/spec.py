"""What a model's registration says: how to build it, and what training has to know of it.

A package adds a model by registering a spec: as an entry point of the group `doorlab.models`, or by
its import path on the command line (`doorlab train --model my_models:MEAN_NP`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from doorlab.models.architecture import Architecture
from doorlab.models.encoders.base import DoorEncoder
from doorlab.models.reward.base import RewardModel


@dataclass(frozen=True)
class EncoderSpec:
    """A model of `doorlab pretrain`."""

    build: Callable[[int, Architecture], DoorEncoder]
    """(image size, architecture) -> the model with initial weights."""
    supervised: bool = False
    """Whether its loss takes the true parameters of doors, too: a ceiling, no rival."""
    closed_form: bool = False
    """Whether its method `fit` trains it in one pass over the frames, without steps."""
    min_frames: int = 1
    """Fewest frames per door and step that its loss takes."""


@dataclass(frozen=True)
class RewardModelSpec:
    """A model of `doorlab train`."""

    build: Callable[[int, Architecture], RewardModel]
    """(image size, architecture) -> the model with initial weights."""
    frozen_encoder: str | None = None
    """Name of the pretrained encoder that it stands on and does not change."""
    encoder_init: str | None = None
    """Name of the pretrained encoder that its own encoder may start from."""
    joint: bool = False
    """Whether its method `joint_loss` takes frames of unlabelled doors, too."""
    has_latent: bool = True
    """Whether Thompson sampling can draw from its process."""
    min_frames: int = 1
    """Fewest frames per door and step that its losses take."""

    @property
    def pretrained(self) -> str | None:
        """Name of the encoder that --pretrained takes a run of; None where it takes none."""
        return self.frozen_encoder or self.encoder_init

    @property
    def learns_from_unlabelled(self) -> bool:
        """Whether frames of doors without labels play a part in its training."""
        return self.joint or self.frozen_encoder is not None


ModelSpec = EncoderSpec | RewardModelSpec
