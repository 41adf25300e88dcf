"""Saves and loads a bandit: the state of a policy and the history of its interactions.

One safetensors file with a checksum (`doorlab.storage.state_file`), written atomically. A restored
bandit makes bit-identical decisions to one that was never interrupted.
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
    """A policy whose state consists of the attributes named in `state_fields`.

    They may be arrays, tensors, generators, plain values, dictionaries of these, and other stateful
    policies. Constructor arguments (a model, settings) are not part of the state: to resume,
    construct the policy in the same way and call `restore`.
    """

    state_fields: tuple[str, ...] = ()

    def state(self) -> dict[str, Any]:
        """The state by attribute name. Raises ConfigError before `begin`."""
        missing = [name for name in self.state_fields if not hasattr(self, name)]
        if missing:
            raise ConfigError("a policy that has begun", type(self).__name__, "call begin first")
        values = {name: getattr(self, name) for name in self.state_fields}
        return {k: v.state() if isinstance(v, Stateful) else v for k, v in values.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restores the state of another policy of the same class and settings."""
        for name in self.state_fields:
            current = getattr(self, name, None)
            if isinstance(current, Stateful):
                current.restore(state[name])
            else:
                setattr(self, name, _moved(state[name], getattr(self, "_device", "cpu")))


def save_bandit(path: str | Path, policy: Policy, history: History, model: str = "") -> None:
    """Writes the state of a policy that has begun, and its history, to the file `path`.

    Args:
        path: file to write.
        policy: policy derived from `Stateful`, after `begin`.
        history: interactions so far.
        model: identifies the policy's model (a checksum, for example); `load_bandit` compares it.

    Raises:
        ConfigError: if the policy has not begun or is not `Stateful`.
        ResultError: if the file cannot be written.
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
    """Restores `policy` from the file `path` and returns the history.

    Args:
        path: file written by `save_bandit`.
        policy: policy constructed in the same way as the saved one.
        model: identifies the policy's model, as for `save_bandit`.

    Raises:
        CheckpointError: if the file is missing, damaged, or of another policy or `model`.
    """
    saved = load_state(path, "saved bandit", _FORMAT, "start again")
    if saved.get("model") != model:
        raise CheckpointError(
            f"the model with which {path} was saved",
            "another model",
            "load that model, or start again",
        )
    if saved.get("kind") != _kind(policy):
        raise CheckpointError(
            f"a {_kind(policy)['policy']} with its settings in {path}",
            f"a {saved.get('kind', {}).get('policy')}",
            "construct the policy as the saved one was constructed",
        )
    try:
        history = History(**saved["history"])
        _state_fields(policy).restore(saved["policy"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from None
    return history


def _damaged(path: str | Path, reason: str) -> CheckpointError:
    return CheckpointError(f"an intact saved bandit at {path}", reason, "start again")


def _state_fields(policy: Policy) -> Stateful:
    if not isinstance(policy, Stateful):
        raise ConfigError("a stateful policy", type(policy).__name__, "derive it from Stateful")
    return policy


def _kind(policy: Policy | Stateful) -> dict[str, Any]:
    """Class and settings of the policy and of inner policies; must match when loading."""
    inner = [_kind(part) for part in vars(policy).values() if isinstance(part, Stateful)]
    settings = to_json(getattr(policy, "_config", None))
    return {"policy": type(policy).__name__, "settings": settings, "inner": inner}


def _moved(value: Any, device: str) -> Any:
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {k: _moved(v, device) for k, v in value.items()}
    return value
