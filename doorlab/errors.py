"""Errors for users: every message says what doorlab expected, what it got and what to do."""

from __future__ import annotations

import difflib
import errno
import os
from collections.abc import Iterable
from pathlib import Path


class DoorlabError(Exception):
    """Root of every error that doorlab raises on purpose.

    Args:
        expected: the object of "Expected ...", such as "a number of doors of at least 1".
        got: the object of "but got ...", such as "0" or "no file dataset.json".
        fix: what the user can do, as an imperative without a full stop.
    """

    def __init__(self, expected: str, got: str, fix: str) -> None:
        super().__init__(expected, got, fix)  # all three, so that the error survives pickling
        self.expected, self.got, self.fix = expected, got, fix

    def __str__(self) -> str:
        fix = self.fix[:1].upper() + self.fix[1:]
        end = "" if fix.endswith((".", "?", "!")) else "."
        return f"Expected {self.expected}, but got {self.got}. {fix}{end}"


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


class WorkerError(DoorlabError):
    """Worker processes, or the workers of a Ray cluster, do not start or keep dying."""


class TrainingError(DoorlabError):
    """Training cannot go on, for example because the loss is no longer finite."""


# errno -> what was expected of the path, what the system found, and what the user can do.
_REFUSALS = {
    errno.ENOSPC: ("free space", "a full disk", "free some space and run again"),
    errno.EDQUOT: ("free space", "a used-up quota", "free some space and run again"),
    errno.EACCES: ("permission to write", "none", "choose a folder that you may write to"),
    errno.EPERM: ("permission to write", "none", "choose a folder that you may write to"),
    errno.EROFS: ("a writable disk", "a read-only one", "choose another folder"),
    errno.EEXIST: ("a folder", "a file there", "choose another path"),
    errno.ENOTDIR: ("a folder above it", "a file there", "choose another path"),
    errno.EISDIR: ("a file or nothing", "a folder there", "choose another path"),
    errno.ENOENT: ("a folder that can hold files", "none", "choose another path"),
    errno.ENAMETOOLONG: ("a shorter name", "one that is too long", "choose a shorter path"),
    errno.ELOOP: ("a path that ends somewhere", "links that lead in a circle", "mend the links"),
    errno.EBUSY: ("a place that may be replaced", "one that is in use", "choose another path"),
    errno.EIO: ("a disk that works", "an input/output error", "check the disk, or choose another"),
    errno.EMFILE: ("one more open file", "too many of them", "raise the limit (`ulimit -n`)"),
    errno.EFBIG: ("a file system for large files", "a limit on their size", "choose another disk"),
}


def write_refused(error: OSError, path: str | Path) -> ResultError:
    """The error for a path that the operating system did not let doorlab write to."""
    otherwise = ("a path that can be written to", error.strerror or f"{error}", "choose another")
    expected, got, fix = _REFUSALS.get(error.errno or 0, otherwise)
    return ResultError(f"{expected} for {os.fspath(path)}", got, fix)


def refused(error: OSError) -> ResultError:
    """The error for what the operating system did not let doorlab do, wherever that was."""
    path = error.filename if isinstance(error.filename, str | bytes | os.PathLike) else None
    what = f" for {os.fsdecode(path)}" if path is not None else ""
    reason = error.strerror or f"{error}" or type(error).__name__
    if error.errno in (errno.EACCES, errno.EPERM):
        return ResultError(f"permission{what}", "none", "allow it, or choose another path")
    if error.errno == errno.ENOENT:
        return ResultError(f"a file or folder{what}", "none", "check the path")
    otherwise = ("a system that works", reason, "mend the cause and run the same command again")
    expected, got, fix = _REFUSALS.get(error.errno or 0, otherwise)
    return ResultError(f"{expected}{what}", got, fix)


def unknown_name(kind: str, name: object, known: Iterable[str]) -> ConfigError:
    """The error for a name that no registry has: lists the valid ones, suggests the nearest."""
    names = sorted(known)
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else "choose one of these"
    article = "an" if kind[0] in "aeiou" else "a"
    return ConfigError(f"{article} {kind} out of {', '.join(names)}", repr(name), hint)
