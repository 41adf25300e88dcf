"""The two training phases of reward models: first the encoder, then the neural process.

When the process phase starts, the encoder is frozen with the weights that were best on validation
doors, embeddings are whitened, and the process is reset to its initial weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import torch
from torch import Tensor

from doorlab.data.tensors.batches import DoorData
from doorlab.evaluation.reward_metrics import mean_error, zero_shot_mse
from doorlab.learning.embedding_cache import EmbeddedBatch, EmbeddingCache
from doorlab.learning.online import OnlineDataLoader, whitening_doors
from doorlab.learning.reward_batches import (
    BatchSampler,
    JointBatch,
    StreamSchedules,
    cached_process_batches,
    encoder_steps,
    per_process,
    recorded_encoder_batches,
    streamed_encoder_batches,
    streamed_process_batches,
)
from doorlab.learning.reward_config import ProcessConfig, RewardConfig
from doorlab.learning.training_doors import batches_ahead
from doorlab.models.embedding import embed_all
from doorlab.models.registry import reward_model_spec
from doorlab.models.reward.frozen_encoder import FrozenEncoderModel
from doorlab.nn.context_sets import RewardBatch
from doorlab.training import Phase
from doorlab.training.task import Batches, Loss

# Default floors of the whitening, the better ones on validation doors (docs/departures.md, 15).
_FROZEN_EPS, _TRAINED_EPS = 0.01, 0.2
NUM_WHITENING_DOORS = 1000  # maximum number of doors; more doors hardly change the whitening


def recorded_phases(
    config: RewardConfig, model: Any, labeled: DoorData, everything: DoorData
) -> tuple[Phase, Phase]:
    """The phases of a run on a dataset.

    Args:
        config: config of the run.
        model: a reward model with its initial weights.
        labeled: training doors whose interactions are used.
        everything: training doors whose frames are used.
    """
    sampler = BatchSampler.of(config)
    cache = EmbeddingCache(model, labeled, config.frames, config.seed, config.mirror)
    joint = reward_model_spec(config.model).joint
    num_unlabeled = per_process(config.unlabeled_batch_size, config.compute.devices)
    return _phases(
        config,
        recorded_encoder_batches(sampler, labeled, everything if joint else None, num_unlabeled),
        cached_process_batches(sampler, cache),
        start_process(config.process, model, lambda: everything, config.mirror, len(labeled)),
        batches_ahead(everything),
    )


def streamed_phases(
    config: RewardConfig,
    model: Any,
    doors: OnlineDataLoader,
    schedules: StreamSchedules,
    device: torch.device,
) -> tuple[Phase, Phase]:
    """The phases of an online run.

    Args:
        config: config of the run.
        model: a reward model with its initial weights.
        doors: loader of these schedules.
        schedules: schedules of the run.
        device: device of the run.
    """
    sampler = BatchSampler.of(config)
    whitening = partial(whitening_doors, config, device, NUM_WHITENING_DOORS)
    return _phases(
        config,
        streamed_encoder_batches(sampler, doors, schedules),
        streamed_process_batches(sampler, model, doors, schedules),
        start_process(config.process, model, whitening, config.mirror, None),
    )


def _phases(
    config: RewardConfig,
    encoder: Batches,
    process: Batches,
    on_start: Callable[[Any], None],
    encoder_batches_ahead: int = 0,
) -> tuple[Phase, Phase]:
    joint: Loss = _joint_loss if reward_model_spec(config.model).joint else _encoder_loss
    return (
        Phase(
            "encoder",
            encoder,
            joint,
            config.batch_size,
            encoder_steps(config),
            # The schedule spans the whole run, so the learning rate decays only in part.
            schedule_steps=config.steps,
            monitor=zero_shot_mse if config.keep_best else None,
            batches_ahead=encoder_batches_ahead,
        ),
        Phase(
            "process",
            process,
            _process_loss,
            config.process.batch_size,
            monitor=mean_error if config.keep_best else None,
            on_start=on_start,
        ),
    )


def start_process(
    config: ProcessConfig,
    model: Any,
    whitening: Callable[[], DoorData],
    mirror: bool,
    labeled: int | None,
) -> Callable[[Any], None]:
    """Returns the function that changes a model when its process phase starts.

    Args:
        config: config of the process phase.
        model: the model with its initial weights, to which its process is reset.
        whitening: returns the doors whose embeddings determine the whitening.
        mirror: whether the whitening includes the mirror images of the doors.
        labeled: number of labeled doors; None for streamed doors. With fewer labeled doors,
            more noise is added to their embeddings.
    """
    initial = deepcopy(model.process.state_dict())
    eps = config.whitening_eps
    if eps is None:
        eps = _FROZEN_EPS if isinstance(model, FrozenEncoderModel) else _TRAINED_EPS
    noise = config.embedding_noise / math.sqrt(labeled) if labeled else 0.0

    def on_start(model: Any) -> None:
        embeddings = embed_all(model, whitening().first(NUM_WHITENING_DOORS).images, mirror)
        model.process.load_state_dict(initial)
        model.process.whiten.fit(embeddings, eps, noise)

    return on_start


def _encoder_loss(model: Any, batch: RewardBatch) -> tuple[Tensor, dict[str, Tensor]]:
    return model.loss(batch)


def _joint_loss(model: Any, batch: JointBatch) -> tuple[Tensor, dict[str, Tensor]]:
    return model.joint_loss(batch.labeled, batch.frames_BMCHW)


def _process_loss(model: Any, batch: EmbeddedBatch) -> tuple[Tensor, dict[str, Tensor]]:
    return model.reward_loss(batch.embedding_BE, batch.interactions)
