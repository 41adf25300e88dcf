"""Models on disk.

RUN/model.json            what the model is, and the checksum of its weights
RUN/weights.safetensors   the weights
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from doorlab.errors import CheckpointError, ConfigError
from doorlab.models.architecture import Architecture
from doorlab.models.description import WEIGHTS_FILE, read_description, write_description
from doorlab.models.encoders.base import DoorEncoder
from doorlab.models.registry import MODELS, build_model, is_reward_model
from doorlab.models.reward.base import RewardModel
from doorlab.runtime.torch_state import float32_by_default, thread_defaults
from doorlab.storage.files import atomic_write_bytes, checksum


def save_model(
    folder: str | Path,
    model: nn.Module,
    kind: str,
    image_size: int,
    architecture: Architecture,
    **about: Any,
) -> None:
    """Writes a model; `about` (seed, dataset checksum, ...) goes into model.json as it is."""
    folder = Path(folder)
    weights = _serialized(model)
    atomic_write_bytes(folder / WEIGHTS_FILE, weights)
    write_description(folder, kind, image_size, architecture, weights, about)


@thread_defaults()
def load_model(folder: str | Path, expect: str | None = None) -> DoorEncoder | RewardModel:
    """The model in a run folder, on the CPU, in evaluation mode.

    Raises:
        CheckpointError: when there is none, it is damaged, its weights are not those that its
            description names, or it is of another kind than `expect`.
    """
    about = read_description(folder)
    kind = about.kind
    if expect is not None and kind != expect:
        stage = "train" if is_reward_model(expect) else "pretrain"
        raise CheckpointError(
            f"a {expect} in {folder}",
            f"a {kind}",
            f"give the run of `doorlab {stage} --model {expect}`",
        )
    try:
        MODELS.get_named(kind)
    except ConfigError as error:
        raise CheckpointError(f"a known model in {folder}", error.got, error.fix) from None
    try:
        model = _untrained(kind, about.image_size, about.architecture)
        model.load_state_dict(load(about.weights()))
    except (SafetensorError, RuntimeError, KeyError, TypeError, ValueError, ConfigError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(
            f"whole weights of a {kind} in {folder}", reason, "train the model again"
        ) from None
    return model.eval()


def weights_checksum(folder: str | Path) -> str:
    """Tells the weights in a run folder from all others.

    Raises CheckpointError when there are none, or others than the run's description names.
    """
    return checksum(read_description(folder).weights())


def checksum_of(model: nn.Module) -> str:
    """What `weights_checksum` says of the model once it is written."""
    return checksum(_serialized(model))


def _serialized(model: nn.Module) -> bytes:
    state = model.state_dict()
    return save({name: value.detach().cpu().contiguous() for name, value in state.items()})


def _untrained(kind: str, image_size: int, architecture: Architecture) -> DoorEncoder | RewardModel:
    """A model to put weights into, in float32, at no random numbers of the caller's."""
    with float32_by_default, torch.random.fork_rng(devices=[]):
        return build_model(kind, image_size, architecture)
