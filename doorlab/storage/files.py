"""Atomic file writes, protection against overwriting, and errors for users."""

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

_LONGEST_NAME = 200  # bytes; file systems allow 255, and temporary names are longer

_SPECIAL: dict[str, Callable[[int], bool]] = {
    "a folder": stat.S_ISDIR,
    "a device": lambda mode: stat.S_ISCHR(mode) or stat.S_ISBLK(mode),
    "a pipe": stat.S_ISFIFO,
    "a socket": stat.S_ISSOCK,
}

_REMEDY = "run the stage that writes it"


def atomic_write_bytes(path: str | Path, data: bytes) -> None:
    """Writes `data` to a temporary file beside `path`, then renames it: never a partial file.

    Raises ResultError if the file cannot be written, or if `path` is not a regular file (but a
    folder, a device, a pipe).
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
                file.close()  # Windows can only rename closed files
            os.replace(temporary, path)


def check_writable(path: str | Path) -> None:
    """Raises ResultError if a file cannot be written; call it before long computations."""
    path = Path(path)
    with writing(path):
        _refuse_special(path)
        make_folder(path.parent)
        with _temporary_file(path) as (temporary, _):
            os.unlink(temporary)


@contextlib.contextmanager
def _temporary_file(path: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A new file beside `path`, open and locked; removed if the block fails before a rename."""
    temporary = path.with_name(temporary_name(path.name))
    with open(temporary, "xb+") as file:
        try:
            try_lock(file.fileno())  # so that it is not removed as the leftover of a killed process
            yield temporary, file
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            raise


def temporary_name(name: str) -> str:
    """A new temporary name for a file or folder `name`; `temporary_names` matches it."""
    return f".{_shortened(name)}.{secrets.token_hex(4)}.tmp"


def temporary_names(name: str) -> re.Pattern[str]:
    """Matches temporary names of `name`; those of a replaced folder end in old.tmp."""
    return re.compile(rf"\.{re.escape(_shortened(name))}\.[a-z0-9_]{{8}}(?P<old>\.old)?\.tmp")


def _shortened(name: str) -> str:
    """The name; if it is too long, its beginning and a checksum."""
    data = os.fsencode(name)
    if len(data) <= _LONGEST_NAME:
        return name
    digest = hashlib.blake2b(data, digest_size=8).hexdigest()
    return data[: _LONGEST_NAME - len(digest)].decode(errors="ignore") + digest


def _refuse_special(path: Path) -> None:
    """Raises ResultError if `path` must not be replaced by a file."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    kind = next((name for name, is_kind in _SPECIAL.items() if is_kind(mode)), None)
    if path.is_symlink() and os.readlink(path).startswith(("/dev/", "/proc/")):
        kind = "a link of the system"  # /dev/stdout, for example, links to the current output
    if kind is not None:
        raise ResultError(f"a regular file or no file at {path}", kind, "choose another path")


def atomic_write_text(path: str | Path, text: str) -> None:
    r"""Writes UTF-8 text like `atomic_write_bytes`; other bytes of file names become \xfc."""
    atomic_write_bytes(path, as_text(text).encode())


def atomic_write_json(path: str | Path, value: Any) -> None:
    """Writes indented JSON like `atomic_write_bytes`; rejects NaN, which is not valid JSON."""
    atomic_write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def atomic_write_arrays(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes arrays by name as NPZ, like `atomic_write_bytes`."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **dict(arrays))  # pyright: ignore[reportArgumentType]
    atomic_write_bytes(path, buffer.getvalue())


def remove(path: Path) -> None:
    """Removes a file, a folder with its content, or a link without its target."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def refuse_overwrite(path: str | Path, overwrite: bool) -> None:
    """Raises ResultError if `path` exists and `overwrite` is False."""
    if os.path.lexists(path) and not overwrite:
        raise ResultError(
            f"no earlier result at {path}",
            "one",
            "choose another --out, or replace it with --overwrite",
        )


def read_bytes(
    path: str | Path, error: type[DoorlabError] = ResultError, remedy: str = _REMEDY
) -> bytes:
    """Reads a file.

    Args:
        path: path of the file.
        error: raised if the file is missing or cannot be read.
        remedy: how to create a missing file, as an imperative.
    """
    with reading(path, error, remedy):
        return Path(path).read_bytes()


def checksum(data: bytes) -> str:
    """Checksum of a file's content: "blake2b:" and 32 hexadecimal digits."""
    return f"blake2b:{hashlib.blake2b(data, digest_size=16).hexdigest()}"


def read_json(
    path: str | Path, error: type[DoorlabError] = ResultError, remedy: str = _REMEDY
) -> dict[str, Any]:
    """Reads a JSON object; arguments and errors are those of `read_bytes`.

    `error` is also raised for a file that holds no JSON object.
    """
    return parse_json(read_bytes(path, error, remedy), path, error)


def parse_json(data: bytes, path: str | Path, error: type[DoorlabError]) -> dict[str, Any]:
    """Parses a JSON object; raises `error`, which names the `path`, for any other content."""
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
    """Reads the arrays of an NPZ file, by name.

    Raises ResultError if the file is missing, unreadable, damaged, or lacks one of `names`.
    """
    data = read_bytes(path)
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except Exception as cause:  # NumPy, zipfile and zlib raise many types for damaged files
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
    """Parses JSON. Raises ValueError, with a reason for users, for invalid JSON."""
    try:
        return json.loads(data.decode(), parse_constant=_refuse_constant)
    except (UnicodeDecodeError, json.JSONDecodeError):
        raise
    except RecursionError:
        raise ValueError("values that are nested too deeply") from None
    except ValueError as cause:  # drops advice for programmers from Python's limit of digits
        raise ValueError(str(cause).partition(":")[0]) from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"the number {name}, which JSON does not have")


@contextlib.contextmanager
def reading(
    path: str | Path, error: type[DoorlabError] = ResultError, remedy: str = _REMEDY
) -> Iterator[None]:
    """Converts OSError while reading `path` into errors for users."""
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
        other = (f"a disk on which {path} is readable", reason, "check the disk, then run again")
        raise error(*reasons.get(cause.errno or 0, other)) from None


@contextlib.contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Converts OSError while writing `path` into errors for users."""
    try:
        yield
    except OSError as error:
        raise write_refused(error, path) from error


def make_folder(path: Path) -> list[Path]:
    """Creates a folder and its parents; returns the created folders, the innermost first.

    Raises ResultError for a broken link in the path, and OSError otherwise, for example for a file.
    """
    above = (path, *path.parents)
    for place in above:
        if place.is_symlink() and not place.exists():
            raise ResultError(
                f"a folder at {place}",
                f"a link to {os.readlink(place)}, which does not exist",
                "create that folder, or remove the link",
            )
    missing = [place for place in above if not place.exists()]
    path.mkdir(parents=True, exist_ok=True)
    return missing
