"""Folders of models by name: run folders, exported folders and the weights that doorlab ships.

A shipped set of weights has the name of the prior of its training doors. The set `narrow` contains
a reward model, `narrow/ssnp`, and an encoder, `narrow/statistician`. The name of a set stands for
the model that a command needs: `doorlab bandit --models narrow` uses the reward model, and
`doorlab train --pretrained narrow` the encoder. A folder of the same name takes precedence.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Literal

from doorlab.errors import CheckpointError
from doorlab.run_layout import HUB_MODEL_FILE, MODEL_FILE

Role = Literal["reward", "encoder"]

# Role -> the model of a shipped set that has it.
SHIPPED_MODELS: dict[Role, str] = {"reward": "ssnp", "encoder": "statistician"}


def shipped_models() -> dict[str, Path]:
    """Name -> folder of every shipped model, for example "narrow/ssnp"."""
    root = _shipped_root()
    found = sorted(root.glob(f"*/*/{HUB_MODEL_FILE}"))
    return {file.parent.relative_to(root).as_posix(): file.parent for file in found}


def shipped_sets() -> list[str]:
    """Names of the shipped sets of weights, for example "narrow"."""
    return sorted({name.partition("/")[0] for name in shipped_models()})


def find_model(name_or_path: str | Path, role: Role) -> Path:
    """The folder of a model.

    Args:
        name_or_path: folder of a run or of an export, or name of a shipped set or model. A folder
            takes precedence over a shipped name.
        role: what the model of a shipped set must do: "reward" for the reward model, "encoder" for
            the encoder.

    Raises CheckpointError if there is neither a folder nor a shipped model of the name.
    """
    path, name = Path(name_or_path), Path(name_or_path).as_posix()
    if os.path.exists(path):  # False, too, for names that no file can have
        return path
    shipped = shipped_models()
    folder = shipped.get(name) or shipped.get(f"{name}/{SHIPPED_MODELS[role]}")
    if folder is None:
        raise _no_model(path, name)
    return folder


def find_models(names_or_paths: Sequence[str | Path], role: Role) -> tuple[Path, ...]:
    """The folders of several models, as `find_model`."""
    return tuple(find_model(one, role) for one in names_or_paths)


def expand_models(names_or_paths: Sequence[str | Path]) -> tuple[Path, ...]:
    """The folders of several models, with all models of every shipped set; errors of `find_model`.

    A shipped model of a set is listed once, also if it is named twice.
    """
    roles: tuple[Role, ...] = tuple(SHIPPED_MODELS)
    found = [find_model(one, role) for one in names_or_paths for role in roles]
    return tuple(dict.fromkeys(found))


def is_shipped(name_or_path: str | Path) -> bool:
    """Whether a name is that of a shipped set or model, and of no folder."""
    name = Path(name_or_path).as_posix()
    known = (*shipped_sets(), *shipped_models())
    return name in known and not os.path.exists(name_or_path)


def shipped_name(folder: str | Path) -> str | None:
    """Name of the shipped model in a folder, for example "narrow/ssnp"; None for other folders."""
    root, folder = _shipped_root().resolve(), Path(folder).resolve()
    return folder.relative_to(root).as_posix() if folder.is_relative_to(root) else None


def _shipped_root() -> Path:
    return Path(str(files("doorlab.assets"))) / "models"


def _no_model(path: Path, name: str) -> CheckpointError:
    known = [*shipped_sets(), *shipped_models()]
    near = difflib.get_close_matches(name, known, n=1)
    shipped = f", or the name of a shipped model ({', '.join(known)})" if known else ""
    return CheckpointError(
        f"a folder with {MODEL_FILE} or {HUB_MODEL_FILE} at {path}{shipped}",
        "nothing there",
        f"did you mean {near[0]!r}?" if near else "check the path, or train a model",
    )
