"""Detects processes that cannot use TensorStore.

TensorStore's threads do not survive a fork: a forked process that uses it aborts.
"""

from __future__ import annotations

import os

from doorlab.errors import DatasetError

_user: int | None = None  # id of the process that has used TensorStore


def was_forked() -> bool:
    """Whether this process was forked from one that had used TensorStore, so it cannot use it."""
    return _user not in (None, os.getpid())


def begin_use() -> None:
    """Must be called before a use. Raises DatasetError in a process that would abort."""
    global _user
    if was_forked():
        raise DatasetError(
            "a process that may read and write shards",
            "a process forked from one that had already used TensorStore",
            'start it with the context "spawn"',
        )
    _user = os.getpid()
