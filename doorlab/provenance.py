"""Where a result comes from: which code, on which machine, when.

The commit is that of the source tree that doorlab runs from; of an installed doorlab it is known
where pip fetched it from a repository, and "unknown" otherwise. Nothing here imports what it tells
the version of.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from datetime import datetime, timezone
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

from doorlab._version import __version__

UNKNOWN = "unknown"
_PACKAGES = ("numpy", "torch", "pybullet")
_GIT_SECONDS = 10.0


def provenance(simulator: str | None = None) -> dict[str, Any]:
    """What a result file says of its origin, as plain values.

    Args:
        simulator: that made the doors which the result is about; None where none did.
    """
    return {
        "commit": commit(),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "simulator": simulator,
        **_environment(),
    }


@lru_cache(maxsize=1)
def commit() -> str:
    """Of the code that runs, with "+changes" where files differ from it; or "unknown"."""
    source = Path(__file__).resolve().parents[1]
    if (source / ".git").exists():  # a clone; site-packages has none, wherever it lies
        return _checked_out(source)
    return _installed_from() or UNKNOWN


def _checked_out(source: Path) -> str:
    head = _git(source, "rev-parse", "HEAD")
    changes = _git(source, "status", "--porcelain", "--untracked-files=no")
    if head is None or changes is None:
        return UNKNOWN
    return f"{head}+changes" if changes else head


def _git(source: Path, *args: str) -> str | None:
    """What git prints; None where there is no git, or where it fails."""
    # Git's own variables would lead it to another repository than the one of the source.
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
    """The commit that pip noted when it fetched doorlab from a repository."""
    try:
        noted = distribution("doorlab").read_text("direct_url.json")
        return json.loads(noted or "{}")["vcs_info"]["commit_id"]
    except (PackageNotFoundError, OSError, LookupError, TypeError, ValueError):
        return None


@lru_cache(maxsize=1)
def _environment() -> dict[str, str | None]:
    """Versions, and the machine."""
    return {
        "doorlab": __version__,
        "python": platform.python_version(),
        **{name: _version(name) for name in _PACKAGES},
        "processor": processor(),
        "system": platform.platform(),
    }


def _version(package: str) -> str | None:
    """None for a package that is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def processor() -> str:
    """The processor's name and its number of cores; "unknown" where the system does not say."""
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
