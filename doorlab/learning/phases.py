"""The two training phases of reward models: first the encoder, then the neural process.

When the process phase starts, the encoder is frozen with the weights that were best on validation
doors, embeddings are whitened, and the process is reset to its initial weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from doorlab.data.tensors.batches import DoorData
from doorlab.data.tensors.images import Images, first_images
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
from doorlab.learning.reward_config import RewardConfig
from doorlab.learning.training_doors import batches_ahead
from doorlab.models.embedding import DOORS_AT_ONCE, embed_all
from doorlab.models.registry import reward_model_spec
from doorlab.nn.context_sets import RewardBatch
from doorlab.nn.images import to_float
from doorlab.nn.independent_components import DEFAULT_FLOOR
from doorlab.training import Phase
from doorlab.training.task import Batches, Loss

# Defaults of the whitening (docs/departures.md, 15): of embeddings that are learned from labels
# alone, and noise on those that are learned without labels.
_FLOOR = 0.2
_NOISE, _COMPONENT_NOISE = 4.0, 2.5
NUM_WHITENING_DOORS = 2000  # maximum number of doors; limits the time of a fit


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
        model,
        recorded_encoder_batches(sampler, labeled, everything if joint else None, num_unlabeled),
        cached_process_batches(sampler, cache),
        Whitener.of(config, lambda: everything, len(labeled)),
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
        model,
        streamed_encoder_batches(sampler, doors, schedules),
        streamed_process_batches(sampler, model, doors, schedules),
        Whitener.of(config, whitening, None),
    )


def _phases(
    config: RewardConfig,
    model: Any,
    encoder: Batches,
    process: Batches,
    whitener: Whitener,
    encoder_batches_ahead: int = 0,
) -> tuple[Phase, Phase]:
    joint: Loss = _joint_loss if reward_model_spec(config.model).joint else _encoder_loss
    start_encoder = start_joint(whitener) if config.pretrained is not None else None
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
            on_start=start_encoder,
            batches_ahead=encoder_batches_ahead,
        ),
        Phase(
            "process",
            process,
            _process_loss,
            config.process.batch_size,
            monitor=mean_error if config.keep_best else None,
            on_start=start_process(model, whitener),
        ),
    )


@dataclass(frozen=True)
class Whitener:
    """Fits the whitening of a model to the embeddings of typical doors."""

    doors: Callable[[], DoorData]
    """Returns the doors."""
    components: bool
    """Whether to fit independent components, for embeddings that are learned without labels."""
    mirror: bool
    """Whether to include the mirror images of the doors."""
    floor: float
    """Smallest fraction of the variance of a direction; see `Whitening`."""
    noise: float
    """Standard deviation of the noise on embeddings in the process phase."""

    @staticmethod
    def of(config: RewardConfig, doors: Callable[[], DoorData], labeled: int | None) -> Whitener:
        """The whitener of a run.

        Args:
            config: config of the run.
            doors: returns the doors whose embeddings determine the whitening.
            labeled: number of labeled doors; None for streamed doors. With fewer labeled doors,
                more noise is added to their embeddings.
        """
        p, components = config.process, reward_model_spec(config.model).learns_from_unlabeled
        floor, noise = p.whitening_eps, p.embedding_noise
        if floor is None:
            floor = DEFAULT_FLOOR if components else _FLOOR
        if noise is None:
            noise = _COMPONENT_NOISE if components else _NOISE
        noise = noise / math.sqrt(labeled) if labeled else 0.0
        return Whitener(doors, components, config.mirror, floor, noise)

    def images(self) -> Images:
        """Frames of the first doors."""
        return self.doors().first(NUM_WHITENING_DOORS).images

    def fit(self, model: Any, images: Images, noise: float) -> None:
        """Fits the whitening of the model's process to the doors of `images`, with this noise."""
        whiten = model.process.whiten
        embeddings = embed_all(model, images, self.mirror)
        if self.components:
            plain, *other = embeddings.split(len(images))
            whiten.fit_components(plain, other[0] if self.mirror else None, self.floor, noise)
        else:
            whiten.fit(embeddings, self.floor, noise)


def start_joint(whitener: Whitener) -> Callable[[Any], None]:
    """Returns the function that prepares a model with a pretrained encoder for joint training.

    The reward loss then sees the factors that the encoder has learned without labels.
    """

    def on_start(model: Any) -> None:
        images = whitener.images()
        # The statistics of the batch normalization are those of batches of two or more doors.
        several = len(images) - (len(images) % DOORS_AT_ONCE == 1)
        if several:
            model.train()
            embed_all(model, first_images(images, several))
            model.eval()
        whitener.fit(model, images, noise=0.0)

    return on_start


def start_process(model: Any, whitener: Whitener) -> Callable[[Any], None]:
    """Returns the function that changes a model when its process phase starts.

    Args:
        model: the model with its initial weights, to which its process is reset.
        whitener: fits the whitening.
    """
    initial = deepcopy(model.process.state_dict())

    def on_start(model: Any) -> None:
        model.process.load_state_dict(initial)
        whitener.fit(model, whitener.images(), whitener.noise)

    return on_start


def _encoder_loss(model: Any, batch: RewardBatch) -> tuple[Tensor, dict[str, Tensor]]:
    return model.loss(batch.with_float_frames())


def _joint_loss(model: Any, batch: JointBatch) -> tuple[Tensor, dict[str, Tensor]]:
    return model.joint_loss(batch.labeled.with_float_frames(), to_float(batch.frames_BMCHW))


def _process_loss(model: Any, batch: EmbeddedBatch) -> tuple[Tensor, dict[str, Tensor]]:
    return model.reward_loss(batch.embedding_BE, batch.interactions)
