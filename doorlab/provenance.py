"""Origin of a result: code version, machine and date.

The commit is that of the source tree that doorlab runs from. For an installed doorlab, the commit
is known if pip fetched it from a repository, and "unknown" otherwise. This module imports none of
the packages whose versions it records.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

from doorlab._version import __version__

UNKNOWN = "unknown"
_PACKAGES = {"numpy": ["numpy"], "torch": ["torch"], "pybullet": ["pybullet", "pybullet-arm64"]}
_GIT_SECONDS = 10.0


def provenance(simulator: str | None = None) -> dict[str, Any]:
    """The origin of a result as plain values: commit, date, simulator, versions and machine.

    Args:
        simulator: simulator of the doors of the result; None if no simulator was used.
    """
    return {
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "simulator": simulator,
        **_environment(),
    }


@lru_cache(maxsize=1)
def commit() -> str:
    """Commit of the running code, with "+changes" if tracked files differ from it; or "unknown"."""
    source = Path(__file__).resolve().parents[1]
    if (source / ".git").exists():  # only a clone has .git; site-packages has none
        return _checked_out(source)
    return _installed_from() or UNKNOWN


def _checked_out(source: Path) -> str:
    head = _git(source, "rev-parse", "HEAD")
    changes = _git(source, "status", "--porcelain", "--untracked-files=no")
    if head is None or changes is None:
        return UNKNOWN
    return f"{head}+changes" if changes else head


def _git(source: Path, *args: str) -> str | None:
    """Output of a git command; None if git is not installed or fails."""
    # GIT_* variables could point git to another repository than that of the source tree.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    command = ["git", "-C", str(source), *args]
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=_GIT_SECONDS,
            stdin=subprocess.DEVNULL, env={**environment, "GIT_OPTIONAL_LOCKS": "0"},
        ).stdout.strip()  # fmt: skip
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None


def _installed_from() -> str | None:
    """The commit that pip recorded when it installed doorlab from a repository, if it did."""
    try:
        record = distribution("doorlab").read_text("direct_url.json")
        return json.loads(record or "{}")["vcs_info"]["commit_id"]
    except (PackageNotFoundError, OSError, LookupError, TypeError, ValueError):
        return None


@lru_cache(maxsize=1)
def _environment() -> dict[str, str | None]:
    """Versions of packages, processor and operating system."""
    return {
        "doorlab": __version__,
        "python": platform.python_version(),
        **{name: _version(names) for name, names in _PACKAGES.items()},
        "processor": processor(),
        "system": platform.platform(),
    }


def _version(names: Sequence[str]) -> str | None:
    """Version of a package, by the names of its distributions; None if none is installed.

    The names of all but the first are part of the text: "3.2.8 (pybullet-arm64)".
    """
    for name in names:
        try:
            return version(name) if name == names[0] else f"{version(name)} ({name})"
        except PackageNotFoundError:
            continue
    return None


def processor() -> str:
    """Name of the processor and number of cores; "unknown" if the system does not provide them."""
    name = _processor_name() or platform.processor() or platform.machine() or UNKNOWN
    return f"{name}, {os.cpu_count() or UNKNOWN} cores"


def _processor_name() -> str | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return None
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, None)
