"""Datasets by URL, in object stores and on web servers, read with TensorStore.

    s3://BUCKET/PATH          Amazon S3 and compatible stores (AWS_ENDPOINT_URL)
    gs://BUCKET/PATH          Google Cloud Storage
    http://, https://         a web server with byte ranges
    file:///PATH              the same as the path

Credentials come from the usual places of AWS and Google Cloud: environment variables, files of
their command-line programs, and the machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tensorstore as ts

from doorlab.data.fork_guard import begin_use
from doorlab.errors import DatasetError
from doorlab.storage.store_urls import SCHEMES

_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_RETRIES = {"max_retries": 5, "initial_delay": "200ms", "max_delay": "5s"}
# Without limits, TensorStore tries for a quarter of an hour.
RETRY_LIMITS = {f"{name}_request_retries": _RETRIES for name in ("s3", "gcs", "http")}
# TensorStore raises these for missing objects, refused access and failed connections.
UNREADABLE = (ValueError, IndexError, NotImplementedError, OSError)
REMEDY = "check the URL, the credentials and the network"


def store_spec(folder: str) -> dict[str, Any]:
    """TensorStore's spec of the key-value store below an absolute local path or a URL."""
    scheme, _, rest = folder.partition("://")
    host, _, path = rest.partition("/")
    if f"{scheme}:" not in SCHEMES:
        return {"driver": "file", "path": f"{folder}/"}
    if scheme in ("http", "https"):
        return {"driver": "http", "base_url": f"{scheme}://{host}", "path": f"/{path}/"}
    bucket = {"bucket": host, "path": f"{path}/" if path else ""}
    if scheme == "gs":
        return {"driver": "gcs", **bucket}
    endpoint = next((url for name in _ENDPOINTS if (url := os.environ.get(name))), None)
    keys = {"type": "environment"} if os.environ.get("AWS_ACCESS_KEY_ID") else {"type": "default"}
    return {
        "driver": "s3",
        **bucket,
        "aws_credentials": keys,
        **({"endpoint": endpoint.rstrip("/")} if endpoint else {}),
        **({"aws_region": _region()} if endpoint else {}),
    }


def read_object(location: Path) -> bytes | None:
    """Content of the object at a `StoreUrl`; None if it is missing.

    Raises DatasetError if the store cannot be read.
    """
    begin_use()
    with reading_store(location.parent):
        spec = store_spec(str(location.parent))
        store = ts.KvStore.open(spec, context=ts.Context(RETRY_LIMITS)).result()
        found = store.read(location.name).result()
    return found.value if found.state == "value" else None


@contextmanager
def reading_store(location: Path) -> Iterator[None]:
    """Converts errors of TensorStore to DatasetError, which names the location."""
    try:
        yield
    except UNREADABLE as error:
        raise DatasetError(f"readable objects in {location}", reason(error), REMEDY) from None


def reason(error: Exception) -> str:
    """An error of TensorStore without the description of the store."""
    return str(error).split(" [tensorstore_spec")[0]


def _region() -> str:
    """The region; stores other than AWS accept any."""
    names = ("AWS_REGION", "AWS_DEFAULT_REGION")
    return next((region for name in names if (region := os.environ.get(name))), "us-east-1")
