"""Specs of models: how to build a model, and which data its training needs.

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
    """Whether its loss uses the true parameters of doors; such a model is an upper reference."""
    closed_form: bool = False
    """Whether it is fitted in one pass over the frames by its method `fit`, without steps."""
    min_frames: int = 1
    """Minimum number of frames per door and step in its loss."""


@dataclass(frozen=True)
class RewardModelSpec:
    """A model of `doorlab train`."""

    build: Callable[[int, Architecture], RewardModel]
    """(image size, architecture) -> the model with initial weights."""
    frozen_encoder: str | None = None
    """Name of the pretrained encoder that it uses without training it."""
    encoder_init: str | None = None
    """Name of the pretrained encoder that can initialize its encoder."""
    joint: bool = False
    """Whether it has a method `joint_loss` that also uses frames of unlabeled doors."""
    has_latent: bool = True
    """Whether its process has a latent, which Thompson sampling needs."""
    min_frames: int = 1
    """Minimum number of frames per door and step in its losses."""

    @property
    def pretrained(self) -> str | None:
        """Name of the encoder whose run --pretrained accepts; None if the model uses none."""
        return self.frozen_encoder or self.encoder_init

    @property
    def learns_from_unlabeled(self) -> bool:
        """Whether frames of unlabeled doors are used in its training."""
        return self.joint or self.frozen_encoder is not None


ModelSpec = EncoderSpec | RewardModelSpec
