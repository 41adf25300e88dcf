"""A bandit on disk: what a policy remembers of its doors, and what was tried on them.

One safetensors file with a checksum of its own (`doorlab.storage.state_file`), written whole or
not at all; a bandit that goes on from it decides bit for bit as if it had never been stopped.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from doorlab.bandit.policy import History, Policy
from doorlab.errors import CheckpointError, ConfigError
from doorlab.runtime.torch_state import thread_defaults
from doorlab.serialization import to_json
from doorlab.storage.state_file import load_state, save_state

_FORMAT = 2


class Stateful:
    """A policy whose attributes named in `state_fields` are all that it knows of its doors.

    Arrays, tensors, generators, plain values, dictionaries of them, and other policies that
    remember. What it was made with (a model, settings) is not part of it: to go on, make the policy
    in the same way and restore.
    """

    state_fields: tuple[str, ...] = ()

    def state(self) -> dict[str, Any]:
        """What it remembers, by name. Raises ConfigError before `begin`."""
        missing = [name for name in self.state_fields if not hasattr(self, name)]
        if missing:
            raise ConfigError("a policy that has begun", type(self).__name__, "call begin first")
        found = {name: getattr(self, name) for name in self.state_fields}
        return {k: v.state() if isinstance(v, Stateful) else v for k, v in found.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes over what another remembered."""
        for name in self.state_fields:
            mine = getattr(self, name, None)
            if isinstance(mine, Stateful):
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
    state = {
        "policy": _state_fields(policy).state(),
        "history": vars(history),
        "kind": _kind(policy),
        "model": model,
    }
    save_state(path, "saved bandit", _FORMAT, state)


@thread_defaults()
def load_bandit(path: str | Path, policy: Policy, model: str = "") -> History:
    """Restores `policy`, made as the saved one was, from the file `path`; returns the history.

    Raises:
        CheckpointError: for a file that is missing, damaged, of another policy, or of another
            `model` than was saved.
    """
    saved = load_state(path, "saved bandit", _FORMAT, "begin anew")
    if saved.get("model") != model:
        raise CheckpointError(
            f"the model that {path} was saved with", "another one", "load that one, or begin anew"
        )
    if saved.get("kind") != _kind(policy):
        raise CheckpointError(
            f"the bandit of a {_kind(policy)['policy']} with its settings in {path}",
            f"that of a {saved.get('kind', {}).get('policy')}",
            "make the policy as the saved one was made",
        )
    try:
        history = History(**saved["history"])
        _state_fields(policy).restore(saved["policy"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from None
    return history


def _damaged(path: str | Path, reason: str) -> CheckpointError:
    return CheckpointError(f"a whole saved bandit at {path}", reason, "begin anew")


def _state_fields(policy: Policy) -> Stateful:
    if not isinstance(policy, Stateful):
        raise ConfigError("a policy that remembers", type(policy).__name__, "derive from Remembers")
    return policy


def _kind(policy: Policy | Stateful) -> dict[str, Any]:
    """The policy's class and settings, inner ones too: what the saved one must share."""
    inner = [_kind(part) for part in vars(policy).values() if isinstance(part, Stateful)]
    settings = to_json(getattr(policy, "_config", None))
    return {"policy": type(policy).__name__, "settings": settings, "inner": inner}


def _moved(value: Any, device: str) -> Any:
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {k: _moved(v, device) for k, v in value.items()}
    return value
