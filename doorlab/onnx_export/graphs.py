"""The functions of a model that are exported to ONNX: embed, reward and decode.

Every function is a module with named inputs and outputs. Frames and images are stored channels
last, as cameras deliver them, so that a program needs no preprocessing but the resizing.

Legend: B doors, M frames, H W pixels, E embedding, Z instance latent, N interactions, T candidate
actions, A = 4 action coordinates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn

from doorlab.doors import ACTION_DIM
from doorlab.models.encoders.base import DoorEncoder
from doorlab.models.encoders.frame_autoencoder import FrameAutoencoder
from doorlab.models.encoders.statistician import NeuralStatistician
from doorlab.models.reward.base import RewardModel
from doorlab.nn.context_sets import InteractionSet
from doorlab.nn.gaussian import mean_of
from doorlab.nn.images import to_float

# Axes of any length -> the length with which a model is traced. Torch treats 0 and 1 specially.
AXES = {"doors": 2, "frames": 3, "interactions": 4, "actions": 5}


@dataclass(frozen=True)
class TensorInfo:
    """An input or output of an exported function."""

    name: str
    """Name in the ONNX file."""
    dtype: torch.dtype
    """Type of the elements."""
    shape: tuple[int | str, ...]
    """Length of every axis; a name of `AXES` for an axis of any length."""
    meaning: str
    """What the tensor holds, with its range and unit."""

    def example(self, axes: Mapping[str, int]) -> Tensor:
        """Random values, with the lengths of the axes of any length in `axes`.

        The values depend on torch's random state. A bool tensor holds True only.
        """
        shape = [axes[size] if isinstance(size, str) else size for size in self.shape]
        if self.dtype == torch.uint8:
            return torch.randint(0, 256, shape, dtype=torch.uint8)
        return torch.rand(shape) if self.dtype.is_floating_point else torch.ones(shape).bool()

    def dynamic_axes(self) -> dict[int, str]:
        """Position -> name, for the axes of any length."""
        return {axis: size for axis, size in enumerate(self.shape) if isinstance(size, str)}


@dataclass(frozen=True)
class Graph:
    """A function of a model, with the names of its inputs and outputs."""

    name: str
    """Name of the file, without its suffix."""
    meaning: str
    """What the function computes."""
    module: nn.Module
    """The function; its outputs are a tensor, or a tuple of tensors."""
    inputs: tuple[TensorInfo, ...]
    """Inputs in the order of the module's arguments."""
    outputs: tuple[TensorInfo, ...]
    """Outputs in the order in which the module returns them."""

    def __post_init__(self) -> None:
        self.module.eval()

    def examples(self, axes: Mapping[str, int] = AXES) -> tuple[Tensor, ...]:
        """One example per input; see `TensorInfo.example`."""
        return tuple(tensor.example(axes) for tensor in self.inputs)

    @torch.no_grad()
    def compute(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """The outputs that torch computes."""
        outputs = self.module(*inputs)
        return outputs if isinstance(outputs, tuple) else (outputs,)


class Embed(nn.Module):
    """Frames of doors -> their embeddings, and the latents that the model decodes to images."""

    def __init__(self, model: DoorEncoder | RewardModel) -> None:
        super().__init__()
        self.model, self.latents = model, decodable(model)

    def forward(self, frames: UInt8[Tensor, "B M H W 3"]) -> tuple[Tensor, ...]:
        """Embeddings (B, E); then c (B, C) of a statistician, z (B, M, Z) of a decoding model."""
        x = to_float(frames.permute(0, 1, 4, 2, 3))
        embedding = self.model.embed(x)
        if isinstance(self.latents, NeuralStatistician):
            h = self.latents.encode_frames(x)
            c = self.latents.infer_context(h).mean
            return embedding, c.clone(), self.latents.infer_states(h, c, mean_of).z
        if isinstance(self.latents, FrameAutoencoder):
            return embedding, self.latents.embed_frames(x)
        return (embedding,)


class Reward(nn.Module):
    """Embeddings, context sets and candidate actions -> means and standard deviations."""

    def __init__(self, model: RewardModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        embedding: Float[Tensor, "B E"],
        context_actions: Float[Tensor, "B N A"],
        context_rewards: Float[Tensor, "B N"],
        context_mask: Bool[Tensor, "B N"],
        actions: Float[Tensor, "B T A"],
    ) -> tuple[Float[Tensor, "B T"], Float[Tensor, "B T"]]:
        """Predicted means and standard deviations of the rewards of the actions."""
        context = InteractionSet(context_actions, context_rewards, context_mask)
        predicted = self.model.predict(embedding, context, actions)
        return predicted.mean, predicted.std


class DecodeStatistician(nn.Module):
    """Context and instance latents of a statistician -> images."""

    def __init__(self, model: NeuralStatistician) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, c: Float[Tensor, "B C"], z: Float[Tensor, "B M Z"]
    ) -> Float[Tensor, "B M H W 3"]:
        """Mean images in [0, 1]."""
        return self.model.decode(c, z).permute(0, 1, 3, 4, 2)


class DecodeFrames(nn.Module):
    """Instance latents of an autoencoder or a VAE -> images."""

    def __init__(self, model: FrameAutoencoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, z: Float[Tensor, "B M Z"]) -> Float[Tensor, "B M H W 3"]:
        """Mean images in [0, 1]."""
        return self.model.decode(z).permute(0, 1, 3, 4, 2)


def decodable(model: DoorEncoder | RewardModel) -> NeuralStatistician | FrameAutoencoder | None:
    """The part of a model that decodes latents to images; None if there is none."""
    encoder = model.pretrained_encoder if isinstance(model, RewardModel) else model
    return encoder if isinstance(encoder, NeuralStatistician | FrameAutoencoder) else None


def graphs_of(model: DoorEncoder | RewardModel, image_size: int) -> list[Graph]:
    """The functions of a model that can be exported.

    Args:
        model: a pretrained encoder or a reward model, in evaluation mode.
        image_size: height and width of the frames, pixels.

    Returns:
        embed; reward for a reward model; decode for a model that decodes images.
    """
    images = ("doors", "frames", image_size, image_size, 3)
    frames = TensorInfo("frames", torch.uint8, images, "frames of each door, RGB, 0 to 255")
    with torch.no_grad():
        found = Embed(model)(frames.example(AXES))
    embedding = _floats("embedding", ("doors", found[0].shape[-1]), "embedding of each door")
    latents = _latents(found)
    meaning = "frames -> one embedding per door, and latents that decode.onnx decodes"
    graphs = [Graph("embed", meaning, Embed(model), (frames,), (embedding, *latents))]
    if isinstance(model, RewardModel):
        graphs.append(_reward(model, embedding))
    decoder = decodable(model)
    if decoder is not None:
        is_statistician = isinstance(decoder, NeuralStatistician)
        module = DecodeStatistician(decoder) if is_statistician else DecodeFrames(decoder)
        decoded = _floats("images", images, "decoded images, RGB, 0 to 1")
        graphs.append(Graph("decode", "latents -> images", module, latents, (decoded,)))
    return graphs


def _latents(found: tuple[Tensor, ...]) -> tuple[TensorInfo, ...]:
    """The latents among the outputs of `Embed`, which are the inputs of the decoder."""
    if len(found) == 1:
        return ()
    *context, instance = (tensor.shape[-1] for tensor in found[1:])
    c = [_floats("c", ("doors", size), "context latent of each door") for size in context]
    return (*c, _floats("z", ("doors", "frames", instance), "instance latent of each frame"))


def _reward(model: RewardModel, embedding: TensorInfo) -> Graph:
    known, candidates = ("doors", "interactions"), ("doors", "actions")
    inputs = (
        embedding,
        _floats("context_actions", (*known, ACTION_DIM), "executed actions, normalized, -1 to 1"),
        _floats("context_rewards", known, "their rewards, 0 to 1; there may be no interactions"),
        TensorInfo(
            "context_mask",
            torch.bool,
            known,
            "true for an interaction, false for padding, which may hold any finite numbers",
        ),
        _floats("actions", (*candidates, ACTION_DIM), "candidate actions, normalized, -1 to 1"),
    )
    outputs = (
        _floats("mean", candidates, "predicted rewards, 0 to 1"),
        _floats("std", candidates, "standard deviations of the rewards, 0 to 0.5"),
    )
    meaning = "embedding, interactions with the door, and actions -> predicted rewards"
    return Graph("reward", meaning, Reward(model), inputs, outputs)


def _floats(name: str, shape: tuple[int | str, ...], meaning: str) -> TensorInfo:
    return TensorInfo(name, torch.float32, shape, meaning)
