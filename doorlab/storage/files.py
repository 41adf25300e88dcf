"""Files that are either whole or not there: atomic writes, and care before overwriting."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from doorlab.errors import DoorlabError, ResultError, write_refused
from doorlab.storage.locking import try_lock
from doorlab.storage.text_paths import as_text

_LONGEST_NAME = 200  # bytes; file systems take 255, and temporary names are longer

_SPECIAL: dict[str, Callable[[int], bool]] = {
    "a folder": stat.S_ISDIR,
    "a device": lambda mode: stat.S_ISCHR(mode) or stat.S_ISBLK(mode),
    "a pipe": stat.S_ISFIFO,
    "a socket": stat.S_ISSOCK,
}

_REMEDY = "run the stage that writes it"


def atomic_write_bytes(path: str | Path, data: bytes) -> None:
    """Writes `data` under a temporary name beside `path`, then renames: never half a file.

    Raises ResultError when it can't be written, and for anything but a file at `path`: a folder, a
    device, a pipe.
    """
    path = Path(path)
    with writing(path):
        _refuse_special(path)
        make_folder(path.parent)
        with _temporary_file(path) as (temporary, file):
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if sys.platform == "win32":
                file.close()  # only closed files can be renamed there
            os.replace(temporary, path)


def check_writable(path: str | Path) -> None:
    """Raises ResultError, before there is anything to lose, if a file could not be written."""
    path = Path(path)
    with writing(path):
        _refuse_special(path)
        make_folder(path.parent)
        with _temporary_file(path) as (temporary, _):
            os.unlink(temporary)


@contextlib.contextmanager
def _temporary_file(path: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A new file beside `path`, open and locked; removed in the end unless it was renamed."""
    temporary = path.with_name(temporary_name(path.name))
    with open(temporary, "xb+") as file:
        try:
            try_lock(file.fileno())  # so that it is not taken for what a killed process left
            yield temporary, file
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            raise


def temporary_name(name: str) -> str:
    """A new name, beside it, for what is to become `name`; `temporary_names` matches it."""
    return f".{_shortened(name)}.{secrets.token_hex(4)}.tmp"


def temporary_names(name: str) -> re.Pattern[str]:
    """Matches the temporary names of `name`; those of a folder that is replaced end in old.tmp."""
    return re.compile(rf"\.{re.escape(_shortened(name))}\.[a-z0-9_]{{8}}(?P<old>\.old)?\.tmp")


def _shortened(name: str) -> str:
    """The name, or its beginning and a checksum where a longer name would be too long."""
    data = os.fsencode(name)
    if len(data) <= _LONGEST_NAME:
        return name
    digest = hashlib.blake2b(data, digest_size=8).hexdigest()
    return data[: _LONGEST_NAME - len(digest)].decode(errors="ignore") + digest


def _refuse_special(path: Path) -> None:
    """Raises ResultError for what a file must not take the place of."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    kind = next((name for name, is_kind in _SPECIAL.items() if is_kind(mode)), None)
    if path.is_symlink() and os.readlink(path).startswith(("/dev/", "/proc/")):
        kind = "a link of the system"  # /dev/stdout leads to whatever the output is
    if kind is not None:
        raise ResultError(f"a file or nothing at {path}", kind, "choose another path")


def atomic_write_text(path: str | Path, text: str) -> None:
    r"""As `atomic_write_bytes`, in UTF-8; what names of files hold beside that, as \xfc."""
    atomic_write_bytes(path, as_text(text).encode())


def atomic_write_json(path: str | Path, value: Any) -> None:
    """As `atomic_write_bytes`: indented JSON; refuses NaN, which other readers can't parse."""
    atomic_write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def atomic_write_arrays(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """As `atomic_write_bytes`: arrays by name, as NPZ."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **dict(arrays))  # pyright: ignore[reportArgumentType]
    atomic_write_bytes(path, buffer.getvalue())


def remove(path: Path) -> None:
    """Removes a file, a folder with all that is in it, or a link, which is not followed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def refuse_overwrite(path: str | Path, overwrite: bool) -> None:
    """Raises ResultError when there is something at `path` and `overwrite` was not asked for."""
    if os.path.lexists(path) and not overwrite:
        raise ResultError(
            f"no earlier result at {path}",
            "one",
            "choose another --out, or replace it with --overwrite",
        )


def read_bytes(
    path: str | Path, error: type[DoorlabError] = ResultError, remedy: str = _REMEDY
) -> bytes:
    """The content of a file.

    Args:
        path: of the file.
        error: raised when it is missing or can't be read.
        remedy: how to get one that is missing, as an imperative.
    """
    with reading(path, error, remedy):
        return Path(path).read_bytes()


def checksum(data: bytes) -> str:
    """Tells the content of a file from all others: "blake2b:", and 32 hexadecimal digits."""
    return f"blake2b:{hashlib.blake2b(data, digest_size=16).hexdigest()}"


def read_json(
    path: str | Path, error: type[DoorlabError] = ResultError, remedy: str = _REMEDY
) -> dict[str, Any]:
    """The JSON object in `path`; arguments and errors as of `read_bytes`.

    `error` is also raised when the file holds anything else than a JSON object.
    """
    data = read_bytes(path, error, remedy)
    try:
        value = _parsed(data)
    except ValueError as cause:
        raise error(f"JSON in {path}", f"{cause}", "restore the file or make it again") from None
    if not isinstance(value, dict):
        raise error(
            f"a JSON object in {path}", type(value).__name__, "restore the file or make it again"
        )
    return value


def read_arrays(path: str | Path, names: Iterable[str] = ()) -> dict[str, np.ndarray]:
    """The arrays of an NPZ file, by name.

    Raises ResultError when it is missing, can't be read, is damaged, or lacks one of `names`.
    """
    data = read_bytes(path)
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except Exception as cause:  # for damage NumPy, zipfile and zlib raise a dozen kinds
        reason = (f"{cause}".splitlines() or [type(cause).__name__])[0][:120]
        raise ResultError(
            f"arrays in {path}", f"a damaged file ({reason})", "restore the file or make it again"
        ) from None
    missing = [name for name in names if name not in arrays]
    if missing:
        raise ResultError(
            f"the array {missing[0]} in {path}", "a file without it", "make the file again"
        )
    return arrays


def _parsed(data: bytes) -> Any:
    """JSON as Python values. Raises ValueError, with a reason for users, for anything else."""
    try:
        return json.loads(data.decode(), parse_constant=_refuse_constant)
    except (UnicodeDecodeError, json.JSONDecodeError):
        raise
    except RecursionError:
        raise ValueError("values that are nested too deeply") from None
    except ValueError as cause:  # Python's limit of digits comes with advice for programmers
        raise ValueError(str(cause).partition(":")[0]) from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"the number {name}, which JSON does not have")


@contextlib.contextmanager
def reading(
    path: str | Path, error: type[DoorlabError] = ResultError, remedy: str = _REMEDY
) -> Iterator[None]:
    """Turns the operating system's refusals while reading `path` into errors for users."""
    try:
        yield
    except OSError as cause:
        absent = (f"a file {path}", "none", f"check the path, or {remedy}")
        forbidden = (f"permission to read {path}", "none", f"allow it: chmod u+r {path}")
        reasons = {
            errno.ENOENT: absent,
            errno.ENOTDIR: absent,
            errno.EACCES: forbidden,
            errno.EPERM: forbidden,
            errno.EISDIR: (f"a file {path}", "a folder", "move the folder elsewhere"),
        }
        reason = os.strerror(cause.errno) if cause.errno else str(cause)
        other = (f"a disk that gives {path} back", reason, "check the disk, then run again")
        raise error(*reasons.get(cause.errno or 0, other)) from None


@contextlib.contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Turns the operating system's refusals while writing `path` into errors for users."""
    try:
        yield
    except OSError as error:
        raise write_refused(error, path) from error


def make_folder(path: Path) -> list[Path]:
    """Makes a folder and those above it; returns those that were made, the innermost first.

    Raises ResultError where there is a file, or a link to nothing, and OSError otherwise.
    """
    above = (path, *path.parents)
    for place in above:
        if place.is_symlink() and not place.exists():
            raise ResultError(
                f"a folder at {place}",
                f"a link to {os.readlink(place)}, which is not there",
                "make that folder, or remove the link",
            )
    missing = [place for place in above if not place.exists()]
    path.mkdir(parents=True, exist_ok=True)
    return missing
