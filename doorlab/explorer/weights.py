"""Weights of models for the scripts of the page: base64 of little-endian arrays, and settings.

Tensors have the names of the state dict of the module. Large tensors are float16, others float32.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from torch import Tensor, nn

from doorlab.bandit.residual_gp import ResidualConfig
from doorlab.errors import CheckpointError
from doorlab.models.encoders.statistician import NeuralStatistician
from doorlab.models.processes.attentive_np import AttentiveProcess
from doorlab.models.processes.cnp import ConditionalNeuralProcess
from doorlab.models.processes.latent_np import LatentNeuralProcess
from doorlab.models.processes.reward_distributions import HEADS
from doorlab.nn.gaussian import MIN_STD, GaussianHead
from doorlab.nn.pooling import AGGREGATORS

LARGE = 2**17  # elements from which a tensor is stored as float16; the others are float32
_DECODER = ("from_latents.", "decoder.")
_KINDS = {
    LatentNeuralProcess: "latent",
    AttentiveProcess: "latent",
    ConditionalNeuralProcess: "conditional",
}


def packed(array: np.ndarray, large: int = LARGE) -> dict[str, Any]:
    """An array as the page stores it: shape, type and base64 of its bytes."""
    kind = "float16" if array.size >= large else "float32"
    data = np.ascontiguousarray(array, dtype=np.dtype(kind).newbyteorder("<")).tobytes()
    return {"shape": list(array.shape), "type": kind, "data": base64.b64encode(data).decode()}


def decoder_weights(model: Any, large: int = LARGE) -> dict[str, Any]:
    """Weights and settings of the decoder of a statistician.

    Raises CheckpointError for a model that is no `NeuralStatistician` of doorlab.
    """
    if not isinstance(model, NeuralStatistician):
        raise CheckpointError(
            "a neural statistician of doorlab, whose decoder the page can compute",
            type(model).__name__,
            "pretrain one with `doorlab pretrain --model statistician`",
        )
    names = [name for name in model.state_dict() if name.startswith(_DECODER)]
    convolutions = [layer for layer in model.decoder.layers if isinstance(layer, nn.Conv2d)]
    shuffles = [layer for layer in model.decoder.layers if isinstance(layer, nn.PixelShuffle)]
    return {
        "context": model.embedding_dim,
        "instance": model.instance_dim,
        "channels": [layer.in_channels for layer in convolutions],
        "zoom": shuffles[-1].upscale_factor,
        "tensors": _tensors(model, names, large),
    }


def process_weights(process: nn.Module, large: int = LARGE) -> dict[str, Any]:
    """Weights and settings of a neural process.

    Raises CheckpointError for processes that the page can't compute, such as transformers.
    """
    kind = _KINDS.get(type(process))  # not subclasses: they compute something else
    if kind is None:
        raise CheckpointError(
            "a reward model with a latent, an attentive or a conditional neural process, which"
            " the page computes",
            f"one with {type(process).__name__}",
            "train ssnp, np, attentive_np or cnp with `doorlab train`",
        )
    assert isinstance(process, LatentNeuralProcess | ConditionalNeuralProcess)
    heads = [layer for layer in process.modules() if isinstance(layer, GaussianHead)]
    return {
        "kind": kind,
        "heads": process.attention.attention.heads if isinstance(process, AttentiveProcess) else 0,
        "head": _name_of(HEADS, process.decoder.law),
        "aggregator": _name_of(AGGREGATORS, process.interactions.aggregator),
        "offset": heads[0].offset if heads else 0.0,
        "least_std": MIN_STD,
        "tensors": _tensors(process, list(process.state_dict()), large),
    }


def residual_settings(config: ResidualConfig) -> dict[str, Any]:
    """Hyperparameters of the Gaussian process on the residuals of the neural process."""
    return {"lengthscales": list(config.lengthscales), "noise": config.noise}


def _tensors(module: nn.Module, names: list[str], large: int) -> dict[str, Any]:
    state: dict[str, Tensor] = module.state_dict()
    return {name: packed(state[name].detach().float().cpu().numpy(), large) for name in names}


def _name_of(known: dict[str, Any], value: Any) -> str:
    return next(name for name, found in known.items() if found is value)
