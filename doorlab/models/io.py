"""Models on disk.

RUN/model.json            kind, image size, architecture, and how it was trained
RUN/weights.safetensors   the weights
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from doorlab.errors import CheckpointError, ConfigError
from doorlab.files import atomic_write_bytes, atomic_write_json, read_json
from doorlab.models.architecture import Architecture, completed
from doorlab.models.registry import PRETRAINED, REWARD_MODELS, build_model
from doorlab.torch_state import float32_by_default, thread_defaults

MODEL_FILE, WEIGHTS_FILE = "model.json", "weights.safetensors"


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
    weights = {
        name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()
    }
    atomic_write_bytes(folder / WEIGHTS_FILE, save(weights))
    atomic_write_json(
        folder / MODEL_FILE,
        {"kind": kind, "image_size": image_size, "architecture": asdict(architecture), **about},
    )


@thread_defaults()
def load_model(folder: str | Path, expect: str | None = None) -> nn.Module:
    """The model in a run folder, on the CPU, in evaluation mode.

    Raises:
        CheckpointError: when there is none, it is damaged, or of another kind than `expect`.
    """
    folder = Path(folder)
    about = read_json(folder / MODEL_FILE, CheckpointError)
    kind = about.get("kind")
    if expect is not None and kind != expect:
        stage = "pretrain" if expect in PRETRAINED else "train"
        raise CheckpointError(
            f"a {expect} in {folder}",
            f"a {kind}",
            f"give the run of `doorlab {stage} --model {expect}`",
        )
    if kind not in PRETRAINED and kind not in REWARD_MODELS:
        raise CheckpointError(f"a known model in {folder}", repr(kind), "train it again")
    try:
        model = _untrained(kind, int(about["image_size"]), _architecture(about["architecture"]))
        model.load_state_dict(load_file(folder / WEIGHTS_FILE))
    except FileNotFoundError:
        raise _without_weights(folder) from None
    except (SafetensorError, RuntimeError, KeyError, TypeError, ValueError, ConfigError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(
            f"whole weights of a {kind} in {folder}", reason, "train the model again"
        ) from None
    return model.eval()


def architecture_in(folder: str | Path) -> Architecture:
    """Of the model in a run folder. Raises CheckpointError when it can't be read."""
    try:
        return _architecture(read_json(Path(folder) / MODEL_FILE, CheckpointError)["architecture"])
    except (KeyError, TypeError, ValueError, ConfigError) as error:
        raise CheckpointError(
            f"the sizes of a model in {folder}", f"{error}", "train the model again"
        ) from None


def weights_checksum(folder: str | Path) -> str:
    """Tells the weights in a run folder from all others; CheckpointError when there are none."""
    try:
        data = (Path(folder) / WEIGHTS_FILE).read_bytes()
    except FileNotFoundError:
        raise _without_weights(Path(folder)) from None
    return f"blake2b:{hashlib.blake2b(data, digest_size=16).hexdigest()}"


def _untrained(kind: str, image_size: int, architecture: Architecture) -> nn.Module:
    """A model to put weights into, in float32, at no random numbers of the caller's."""
    with float32_by_default, torch.random.fork_rng(devices=[]):
        return build_model(kind, image_size, architecture)


def _without_weights(folder: Path) -> CheckpointError:
    return CheckpointError(
        f"weights in {folder / WEIGHTS_FILE}", "none", "train the model again, or resume it"
    )


def _architecture(values: dict[str, Any]) -> Architecture:
    known, values = {f.name for f in fields(Architecture)}, completed(values)
    if set(values) != known:
        raise KeyError(f"architecture with other sizes: {sorted(known ^ set(values))}")
    sizes: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    return Architecture(**sizes)
