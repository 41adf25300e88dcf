"""Errors for users: every message says what was expected, what came and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class DoorlabError(Exception):
    """Root of every error that doorlab raises on purpose.

    Args:
        expected: what should have been there, without a verb.
        got: what was found instead.
        fix: what the user can do, as an imperative.
    """

    def __init__(self, expected: str, got: str, fix: str) -> None:
        super().__init__(expected, got, fix)  # all three, so that the error survives pickling
        self.expected, self.got, self.fix = expected, got, fix

    def __str__(self) -> str:
        return f"expected {self.expected}; got {self.got}; {self.fix}"


class ConfigError(DoorlabError):
    """A setting is unknown, out of range, or contradicts another."""


class DatasetError(DoorlabError):
    """A dataset is missing, incomplete, corrupt, or of another format version."""


class CheckpointError(DoorlabError):
    """A checkpoint is missing, corrupt, or belongs to another model or dataset."""


class ResultError(DoorlabError):
    """A result file is missing, malformed, or would be overwritten."""


class SimulatorError(DoorlabError):
    """A simulator cannot run here (no wheel, say) or was given doors that it cannot build."""


class TrainingError(DoorlabError):
    """Training cannot go on, for example because the loss is no longer finite."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> ConfigError:
    """The error for a name that no registry has: lists the valid ones, suggests the nearest."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else "choose one of these"
    return ConfigError(f"a {kind} out of {', '.join(names)}", repr(name), hint)
