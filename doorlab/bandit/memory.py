"""A bandit on disk: what a policy remembers of its doors, and what was tried on them.

One file, `PATH.safetensors`: arrays, and in the file's header a JSON object (readable with any
safetensors reader) with everything else. One file can be written whole or not at all; a bandit
that goes on from it decides bit for bit as if it had never been stopped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from doorlab.bandit.policy import History, Policy
from doorlab.errors import CheckpointError, ConfigError
from doorlab.files import atomic_write_bytes
from doorlab.results import to_json

_FORMAT = 1
_HEADER = "doorlab_bandit"


class Remembers:
    """A policy whose attributes named in `remembers` are all that it knows of its doors.

    Arrays, tensors, generators, plain values, dictionaries of them, and other policies that
    remember. What it was made with (a model, settings) is not part of it: to go on, make the policy
    in the same way and restore.
    """

    remembers: tuple[str, ...] = ()

    def state(self) -> dict[str, Any]:
        """What it remembers, by name. Raises ConfigError before `begin`."""
        missing = [name for name in self.remembers if not hasattr(self, name)]
        if missing:
            raise ConfigError("a policy that has begun", type(self).__name__, "call begin first")
        found = {name: getattr(self, name) for name in self.remembers}
        return {k: v.state() if isinstance(v, Remembers) else v for k, v in found.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes over what another remembered."""
        for name in self.remembers:
            mine = getattr(self, name, None)
            if isinstance(mine, Remembers):
                mine.restore(state[name])
            else:
                setattr(self, name, _moved(state[name], getattr(self, "_device", "cpu")))


def save_bandit(path: str | Path, policy: Policy, history: History, model: str = "") -> None:
    """Writes a policy that has begun, and the history that it has seen, to the file `path`.

    Args:
        model: what tells the policy's model from others, for `load_bandit` to compare.

    Raises:
        ConfigError: for a policy that has not begun, or that can't say what it remembers.
        ResultError: for a place that can't be written to.
    """
    tensors: dict[str, Tensor] = {}
    state = {
        "policy": _flat(_remembering(policy).state(), "policy", tensors),
        "history": _flat(vars(history), "history", tensors),
    }
    header = {"format": _FORMAT, "kind": _kind(policy), "model": model, "state": state}
    metadata = {_HEADER: json.dumps(header, allow_nan=False)}
    atomic_write_bytes(path, save(tensors, metadata))


def load_bandit(path: str | Path, policy: Policy, model: str = "") -> History:
    """Restores `policy`, made as the saved one was, from the file `path`; returns the history.

    Raises:
        CheckpointError: for a file that is missing, damaged, of another policy, or of another
            `model` than was saved.
    """
    header, tensors = _read(Path(path))
    if header.get("model") != model:
        raise CheckpointError(
            f"the model that {path} was saved with", "another one", "load that one, or begin anew"
        )
    if header.get("kind") != _kind(policy):
        raise CheckpointError(
            f"the bandit of a {_kind(policy)['policy']} with its settings in {path}",
            f"that of a {header.get('kind', {}).get('policy')}",
            "make the policy as the saved one was made",
        )
    try:
        state = {name: _deep(value, tensors) for name, value in header["state"].items()}
        _remembering(policy).restore(state["policy"])
        return History(**state["history"])
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from None


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})[_HEADER])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise CheckpointError(
            f"a saved bandit at {path}", "none", "check the path, or begin anew"
        ) from None
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from None
    if header.get("format") != _FORMAT:
        raise _damaged(path, f"format {header.get('format')}, not {_FORMAT}")
    return header, tensors


def _damaged(path: str | Path, reason: str) -> CheckpointError:
    return CheckpointError(f"a whole saved bandit at {path}", reason, "begin anew")


def _remembering(policy: Policy) -> Remembers:
    if not isinstance(policy, Remembers):
        raise ConfigError("a policy that remembers", type(policy).__name__, "derive from Remembers")
    return policy


def _kind(policy: Policy | Remembers) -> dict[str, Any]:
    """The policy's class and settings, inner ones too: what the saved one must share."""
    inner = [_kind(part) for part in vars(policy).values() if isinstance(part, Remembers)]
    settings = to_json(getattr(policy, "_config", None))
    return {"policy": type(policy).__name__, "settings": settings, "inner": inner}


def _flat(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """The value as JSON, its arrays put into `tensors` under names that the JSON refers to."""
    if isinstance(value, Mapping):
        return {k: _flat(v, f"{name}.{k}", tensors) for k, v in value.items()}
    if isinstance(value, Tensor):
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {"$tensor": name}
    if isinstance(value, np.ndarray):
        tensors[name] = torch.from_numpy(np.ascontiguousarray(value)).clone()
        return {"$array": name}
    if isinstance(value, np.random.Generator):
        return {"$generator": value.bit_generator.state}
    return value


def _deep(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    """The inverse of `_flat`."""
    if not isinstance(value, dict):
        return value
    if "$tensor" in value:
        return tensors[value["$tensor"]]
    if "$array" in value:
        return tensors[value["$array"]].numpy()
    if "$generator" in value:
        generator = np.random.Generator(np.random.PCG64())
        generator.bit_generator.state = value["$generator"]
        return generator
    return {k: _deep(v, tensors) for k, v in value.items()}


def _moved(value: Any, device: str) -> Any:
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {k: _moved(v, device) for k, v in value.items()}
    return value
