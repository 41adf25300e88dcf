"""Saves and loads models.

RUN/model.json                     description of the model, with the checksum of its weights
RUN/weights.safetensors            weights of the model
RUN/latent_density.safetensors     density that a model samples a latent from, if one was fitted

A folder in the layout of model hubs (`doorlab.models.hub`) is read like a run folder.
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
from doorlab.models.description import Description, read_description, write_description
from doorlab.models.encoders.base import DoorEncoder, FitsLatentDensity
from doorlab.models.latent_density import load_latent_density
from doorlab.models.registry import MODELS, build_model, is_reward_model
from doorlab.models.reward.base import RewardModel
from doorlab.run_layout import WEIGHTS_FILE
from doorlab.runtime.torch_state import float32_by_default, thread_defaults
from doorlab.storage.files import atomic_write_bytes, checksum

_HALVED_FROM = 4096  # least number of values of a tensor that is stored in half precision


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
    weights = serialized(model)
    atomic_write_bytes(folder / WEIGHTS_FILE, weights)
    write_description(folder, kind, image_size, architecture, weights, about)


@thread_defaults()
def load_model(folder: str | Path, expect: str | None = None) -> DoorEncoder | RewardModel:
    """Loads the model of a run folder, on the CPU, in float32 and evaluation mode.

    Args:
        folder: run folder, or a folder in the layout of model hubs.
        expect: required kind of the model; None for any kind.

    Raises:
        CheckpointError: if the model is missing, damaged or of another kind than `expect`, if the
            checksum of the weights is not the one in its description, or if the file of its latent
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
        model.load_state_dict(_own_tensors(about))
    except (SafetensorError, RuntimeError, KeyError, TypeError, ValueError, ConfigError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(
            f"the weights of a {kind} in {folder}", reason, "train the model again"
        ) from None
    if isinstance(model, FitsLatentDensity):
        model.latent_density = load_latent_density(folder, about.weights_checksum)
    return model.eval()


def _own_tensors(about: Description) -> dict[str, torch.Tensor]:
    """The tensors of a model by name; the file may hold those of other models, too."""
    prefix, tensors = about.weights_prefix, load(about.weights())
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}


def weights_checksum(folder: str | Path) -> str:
    """Checksum of the weights in a run folder, or in a folder in the layout of model hubs.

    Raises CheckpointError if the weights are missing, or differ from the checksum in the
    description.
    """
    return checksum(read_description(folder).weights())


def checksum_of(model: nn.Module) -> str:
    """Checksum of the weights of a model in memory; equals `weights_checksum` after saving."""
    return checksum(serialized(model))


def serialized(model: nn.Module, dtype: str = "float32") -> bytes:
    """Content of the file of the weights of a model in memory.

    Args:
        model: the model, in float32.
        dtype: "float32", or "float16" to store large tensors in half precision. Tensors of fewer
            than 4,096 values, and those with values that float16 cannot represent, stay in float32:
            they add little to the size.
    """
    state = {name: value.detach().cpu() for name, value in model.state_dict().items()}
    if dtype == "float16":
        state = {name: _halved(value) for name, value in state.items()}
    return save({name: value.contiguous() for name, value in state.items()})


def _halved(value: torch.Tensor) -> torch.Tensor:
    half = value.half()
    fits = value.dtype == torch.float32 and bool(half.isfinite().all())
    return half if fits and value.numel() >= _HALVED_FROM else value


def _untrained(kind: str, image_size: int, architecture: Architecture) -> DoorEncoder | RewardModel:
    """Builds a model in float32, without changing the caller's random state."""
    with float32_by_default, torch.random.fork_rng(devices=[]):
        return build_model(kind, image_size, architecture)
