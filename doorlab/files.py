"""Files that are either whole or not there: atomic writes, and care before overwriting."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from doorlab.errors import DoorlabError, ResultError
from doorlab.text_paths import as_text

_REMEDY = "run the stage that writes it"


def atomic_write_bytes(path: str | Path, data: bytes) -> None:
    """Writes `data` under a temporary name beside `path`, then renames: never half a file."""
    path = Path(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, 0o666 & ~_umask())
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
            raise


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


@contextlib.contextmanager
def atomic_directory(path: str | Path) -> Iterator[Path]:
    """Yields a temporary folder beside `path`, renamed onto it when the block ends well.

    When the block fails, the temporary folder is removed and `path` is as it was. A link at `path`
    is replaced, and what it leads to stays: to write there, resolve the path first.
    """
    path = Path(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent))
    try:
        with writing(path):
            yield temporary
            os.chmod(temporary, 0o777 & ~_umask())
            _put_in_place(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _put_in_place(new: Path, path: Path) -> None:
    """Renames `new` to `path`; what was there goes only when the new folder has its name."""
    old = new.with_suffix(".old.tmp")
    with contextlib.suppress(FileNotFoundError):
        os.replace(path, old)
    try:
        os.replace(new, path)
    except BaseException:
        if old.exists():
            os.replace(old, path)
        raise
    with contextlib.suppress(OSError):
        remove(old)


def remove(path: Path) -> None:
    """Removes a file, a folder with all that is in it, or a link, which is not followed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def refuse_overwrite(path: str | Path, overwrite: bool) -> None:
    """Raises ResultError when `path` exists and `overwrite` was not asked for."""
    if Path(path).exists() and not overwrite:
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


def read_json(path: str | Path, error: type[DoorlabError] = ResultError) -> dict[str, Any]:
    """The JSON object in `path`; `error` is raised when it is missing or is not one."""
    data = read_bytes(path, error)
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
        reasons = {
            errno.ENOSPC: ("free space", "a full disk", "free some space and run again"),
            errno.EDQUOT: ("free space", "a used-up quota", "free some space and run again"),
            errno.EACCES: ("permission to write", "none", "choose a folder that you may write to"),
            errno.EPERM: ("permission to write", "none", "choose a folder that you may write to"),
            errno.EROFS: ("a writable disk", "a read-only one", "choose another folder"),
            errno.EEXIST: ("a folder above it", "a file there", "choose another path"),
            errno.ENOTDIR: ("a folder above it", "a file there", "choose another path"),
        }
        if error.errno not in reasons:
            raise
        expected, got, fix = reasons[error.errno]
        raise ResultError(f"{expected} for {path}", got, fix) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
