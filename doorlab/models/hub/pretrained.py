"""Pretrained encoders by name, for programs that use embeddings of doors."""

from __future__ import annotations

from pathlib import Path

from doorlab.errors import CheckpointError
from doorlab.models.encoders.base import DoorEncoder
from doorlab.models.hub.download import find_or_download
from doorlab.models.io import load_model


def encoder_from_pretrained(name_or_path: str | Path) -> DoorEncoder:
    """Loads an encoder, on the CPU, in float32 and evaluation mode.

    `encoder.embed(x)` embeds frames x of B doors, M frames each: float32 (B, M, 3, H, W) in [0, 1]
    -> (B, E). `doorlab.RewardPredictor.from_pretrained` loads reward models.

    Args:
        name_or_path: name of shipped weights ("narrow"), run folder of `doorlab pretrain`, folder
            of `doorlab export`, or name of a repository on the Hugging Face Hub ("owner/name"),
            which is downloaded if there is no folder of that name.

    Raises:
        CheckpointError: if there is no such model, if it is damaged or no encoder, or if the
            download fails.
        ConfigError: if huggingface_hub is required and not installed.
    """
    folder = find_or_download(name_or_path, "encoder")
    model = load_model(folder)
    if not isinstance(model, DoorEncoder):
        raise CheckpointError(
            f"an encoder in {folder}",
            f"a {type(model).__name__}, which predicts rewards",
            "load it with RewardPredictor.from_pretrained, or give a run of `doorlab pretrain`",
        )
    return model
