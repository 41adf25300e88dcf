"""URLs of folders in object stores and on web servers, where commands accept folders.

s3://BUCKET/PATH, gs://BUCKET/PATH, http:// and https:// are `StoreUrl`s; file:///PATH is a path.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

from doorlab.errors import ResultError

SCHEMES = ("s3:", "gs:", "http:", "https:")


class StoreUrl(type(Path())):
    """The URL of a folder or an object in a store.

    It is a Path, so that configs and functions accept URLs where they accept folders; `str` is the
    URL. Path merges the slashes of a URL: `Path("s3://b/k")` has the parts "s3:", "b" and "k".
    Methods that access files do not work.
    """

    def __str__(self) -> str:
        """The URL."""
        scheme, *rest = self.parts
        return f"{scheme}//{'/'.join(rest)}"


def dataset_location(path: str | Path) -> Path:
    """A local path, or a `StoreUrl` for a URL, also for one that was converted to a Path."""
    parts = Path(path).parts
    if parts and parts[0] in SCHEMES and len(parts) > 1:
        return StoreUrl(*parts)
    if parts and parts[0] == "file:":
        return Path("/", *(unquote(part) for part in parts[1:]))
    return Path(path)


def is_remote(path: Path) -> bool:
    """Whether a path is a `StoreUrl`."""
    return isinstance(path, StoreUrl)


def run_folder(path: str | Path) -> Path:
    """The folder of a run on this machine. Raises ResultError for the URL of a store."""
    found = dataset_location(path)
    if is_remote(found):
        raise ResultError(
            "the folder of a run on this machine",
            f"the URL {found}",
            "copy the run into a folder; only datasets are read by URL (--data)",
        )
    return found
