"""Downloads of models from the Hugging Face Hub, with huggingface_hub (extra `hub`)."""

from __future__ import annotations

import os
import re
from importlib import import_module
from pathlib import Path
from typing import Any

from doorlab.errors import CheckpointError, ConfigError
from doorlab.models.hub.locate import Role, find_model, is_shipped

# The names that the hub gives to repositories.
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.\-]*/[A-Za-z0-9][\w.\-]*")
_FILES = ["*.json", "*.safetensors", "README.md"]


def find_or_download(name_or_path: str | Path, role: Role) -> Path:
    """The folder of a model, which is downloaded if it is neither a folder nor shipped.

    Args:
        name_or_path: as for `locate.find_model`, or name of a repository, "owner/name".
        role: as for `locate.find_model`.

    Raises:
        CheckpointError: if there is no such model, or the download fails.
        ConfigError: if huggingface_hub is required and not installed.
    """
    path, name = Path(name_or_path), Path(name_or_path).as_posix()
    if os.path.exists(path) or is_shipped(path) or not _REPOSITORY.fullmatch(name):
        return find_model(path, role)
    return download_model(name)


def download_model(repository: str) -> Path:
    """Downloads a repository of the Hugging Face Hub, or finds it in the cache of earlier calls.

    Args:
        repository: name of the repository, "owner/name".

    Returns:
        the folder of the files, in the cache of huggingface_hub.

    Raises:
        ConfigError: if huggingface_hub is not installed.
        CheckpointError: if the download fails.
    """
    try:
        hub: Any = import_module("huggingface_hub")  # has no types where it is not installed
    except ImportError:
        raise ConfigError(
            f"a folder {repository}, or huggingface_hub to download it",
            "neither",
            "check the path, or pip install 'doorlab[hub]'",
        ) from None
    try:
        return Path(hub.snapshot_download(repository, allow_patterns=_FILES))
    except Exception as error:  # the types depend on the version of huggingface_hub
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise CheckpointError(
            f"a folder {repository}, or a repository of this name on the hub",
            reason,
            "check the name and the connection; `hf auth login` gives access to private ones",
        ) from None
