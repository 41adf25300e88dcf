"""Saves and loads models.

RUN/model.json                     description of the model, with the checksum of its weights
RUN/weights.safetensors            weights of the model
RUN/latent_density.safetensors     density that a model samples a latent from, if one was fitted
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
from doorlab.models.description import read_description, write_description
from doorlab.models.encoders.base import DoorEncoder, FitsLatentDensity
from doorlab.models.latent_density import load_latent_density
from doorlab.models.registry import MODELS, build_model, is_reward_model
from doorlab.models.reward.base import RewardModel
from doorlab.run_layout import WEIGHTS_FILE
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
    """Writes a model into a run folder.

    Args:
        folder: run folder.
        model: the model.
        kind: name of the model in the registry, or import path.
        image_size: height and width of the frames, pixels.
        architecture: sizes of the networks.
        about: further entries of model.json (seed, dataset checksum, ...).
    """
    folder = Path(folder)
    weights = _serialized(model)
    atomic_write_bytes(folder / WEIGHTS_FILE, weights)
    write_description(folder, kind, image_size, architecture, weights, about)


@thread_defaults()
def load_model(folder: str | Path, expect: str | None = None) -> DoorEncoder | RewardModel:
    """Loads the model of a run folder, on the CPU, in evaluation mode.

    Args:
        folder: run folder.
        expect: required kind of the model; None for any kind.

    Raises:
        CheckpointError: if the model is missing, damaged or of another kind than `expect`, if the
            checksum of the weights is not the one in model.json, or if the file of its latent
            density is damaged.
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
        raise CheckpointError(f"{error.expected}, in {folder}", error.got, error.fix) from None
    try:
        model = _untrained(kind, about.image_size, about.architecture)
        model.load_state_dict(load(about.weights()))
    except (SafetensorError, RuntimeError, KeyError, TypeError, ValueError, ConfigError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(
            f"the weights of a {kind} in {folder}", reason, "train the model again"
        ) from None
    if isinstance(model, FitsLatentDensity):
        model.latent_density = load_latent_density(folder, about.document["weights_checksum"])
    return model.eval()


def weights_checksum(folder: str | Path) -> str:
    """Checksum of the weights in a run folder.

    Raises CheckpointError if the weights are missing, or differ from the checksum in model.json.
    """
    return checksum(read_description(folder).weights())


def checksum_of(model: nn.Module) -> str:
    """Checksum of the weights of a model in memory; equals `weights_checksum` after saving."""
    return checksum(_serialized(model))


def _serialized(model: nn.Module) -> bytes:
    state = model.state_dict()
    return save({name: value.detach().cpu().contiguous() for name, value in state.items()})


def _untrained(kind: str, image_size: int, architecture: Architecture) -> DoorEncoder | RewardModel:
    """Builds a model in float32, without changing the caller's random state."""
    with float32_by_default, torch.random.fork_rng(devices=[]):
        return build_model(kind, image_size, architecture)
