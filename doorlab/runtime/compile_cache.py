"""Keeps the cache of torch's compiler in folders that no other user can write to.

Torch loads pickles and shared libraries from its cache. Its default, `/tmp/torchinductor_USER`, is
a name that any user of a shared machine could create first.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any

from doorlab.runtime.environment_variables import environment_variables

_TORCH, _TRITON = "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"
_log = logging.getLogger(__name__)


@contextlib.contextmanager
def private_compile_cache() -> Iterator[None]:
    """Makes torch and Triton keep compiled code in private folders; wrap calls of compiled code.

    Uses the folders named in the environment if they are private, otherwise folders in the user's
    cache folder, or temporary ones. The environment is restored afterwards.
    """
    named = {name: os.environ.get(name) for name in (_TORCH, _TRITON)}
    private = {
        name: _private_folder(name, None if _is_torch_s_own(folder) else folder)
        for name, folder in named.items()
    }
    with environment_variables(**private), _without_precompiled_headers():
        yield


def is_private(folder: Path) -> bool:
    """Whether a folder exists, belongs to this user, and is not writable by other users."""
    try:
        status = os.lstat(folder)  # of a link itself, which its owner can change, not of its target
    except OSError:
        return False
    if not hasattr(os, "getuid"):  # Windows separates users' folders
        return stat.S_ISDIR(status.st_mode)
    others_write = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not others_write


def _without_precompiled_headers() -> AbstractContextManager[Any]:
    """Disables precompiled headers, which torch always keeps in `/tmp/torchinductor_USER`."""
    from torch._inductor import config  # imported here because it takes a second

    name = "cpp_cache_precompile_headers"
    return config.patch({name: False}) if hasattr(config, name) else contextlib.nullcontext()


def _is_torch_s_own(named: str | None) -> bool:
    """Whether a folder is torch's own default, which torch also stores in the environment."""
    folder = Path(named or "")
    return folder.parent == Path(tempfile.gettempdir()) and folder.name.startswith("torchinductor_")


@cache
def _private_folder(variable: str, named: str | None) -> str:
    """The private folder for an environment variable whose value is `named`."""
    own = _cache_home() / "doorlab" / variable.partition("_")[0].lower()
    for folder in (Path(named), own) if named else (own,):
        with contextlib.suppress(OSError):
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
        if is_private(folder):
            return str(folder)
        _log.warning(
            "compiled code is not kept in %s: expected a folder that only this user can write to; "
            "set %s to one",
            folder,
            variable,
        )
    temporary = tempfile.mkdtemp(prefix="doorlab-compiled-")  # created with mode 700
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    return temporary


def _cache_home() -> Path:
    home = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return home if home.is_absolute() else Path(os.path.expanduser("~/.cache"))
