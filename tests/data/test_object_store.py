"""Datasets by URL from a stand-in server, against the same dataset in a folder."""

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.object_stores import serving

from doorlab.data import ARRAYS, DoorDataset
from doorlab.data.object_store import store_spec
from doorlab.errors import DatasetError
from doorlab.stages import info
from doorlab.storage.store_urls import StoreUrl, dataset_location, is_remote


@pytest.fixture
def store(_written, tmp_path, monkeypatch):
    """A server of the dataset `bucket/doors`, and the environment of its clients."""
    shutil.copytree(_written, tmp_path / "bucket/doors")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with serving(tmp_path) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
        yield server


@pytest.mark.parametrize("as_path", [str, Path])
@pytest.mark.parametrize("scheme", ["s3", "http", "file"])
def test_dataset_by_url_equals_dataset_in_folder(store, dataset, scheme, as_path):
    url = {
        "s3": "s3://bucket/doors",
        "http": f"{store.endpoint}/bucket/doors",
        "file": (store.root / "bucket/doors").as_uri(),
    }[scheme]
    opened = DoorDataset.open(as_path(url))
    assert opened.checksum == dataset.checksum
    for name in ARRAYS:
        if name in dataset.config.arrays():
            doors = np.array([9, 0, 5, 5])
            np.testing.assert_array_equal(opened.read(name, doors), dataset.read(name, doors))
    assert opened.doors() == dataset.doors()
    again = pickle.loads(pickle.dumps(opened))
    np.testing.assert_array_equal(again.indices("test"), dataset.indices("test"))
    if scheme != "file":
        assert f"{opened.path}" == url
        assert f"{again.path}" == url


def test_dataset_of_google_cloud_storage_equals_dataset_in_folder(store, dataset):
    """TensorStore reads the address of the stand-in once per process."""
    code = (
        "from doorlab.data import DoorDataset\n"
        "dataset = DoorDataset.open('gs://bucket/doors')\n"
        "print(dataset.path, dataset.checksum, int(dataset.read('images').sum()))"
    )
    env = {
        **os.environ,
        "TENSORSTORE_GCS_HTTP_URL": store.endpoint,
        "GOOGLE_AUTH_TOKEN_FOR_TESTING": "token",
    }
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env
    )
    total = int(dataset.read("images").sum())
    assert run.stdout.split() == ["gs://bucket/doors", dataset.checksum, str(total)]


def test_reading_a_door_requests_its_range_only(store):
    opened = DoorDataset.open("s3://bucket/doors")
    opened.read("images", np.array([4]))
    shards = {key.split("/")[3] for key in store.requests if "/shards/" in key}
    assert shards == {"shard-00001"}


@pytest.mark.parametrize("url", ["s3://bucket/none", "{endpoint}/bucket/none"])
def test_missing_dataset_by_url_is_an_error_of_the_dataset(store, url):
    url = url.format(endpoint=store.endpoint)
    with pytest.raises(DatasetError, match="Check the URL, the credentials") as error:
        DoorDataset.open(url)
    assert f"Expected a dataset in {url}, but got no dataset.json." in str(error.value)


def test_refused_dataset_by_url_is_an_error_of_the_dataset(store):
    store.refused = True
    with pytest.raises(DatasetError, match=r"readable objects in s3://bucket/doors, but got"):
        DoorDataset.open("s3://bucket/doors")


def test_damaged_shard_by_url_names_shard(store):
    opened = DoorDataset.open("s3://bucket/doors")
    chunk = store.root / "bucket/doors/shards/shard-00002/images/c/0/0/0/0/0"
    chunk.write_bytes(chunk.read_bytes()[:-9])
    with pytest.raises(DatasetError, match=r"shard-00002 of s3://bucket/doors to be intact"):
        opened.read("images")


def test_verify_needs_folder(store):
    with pytest.raises(DatasetError, match="Copy it into a folder"):
        DoorDataset.open("s3://bucket/doors").verify()


def test_info_describes_dataset_by_url(store, dataset, capsys):
    info.run(info.Config(data=Path("s3://bucket/doors")))
    said = capsys.readouterr().out
    assert dataset.checksum in said
    assert "s3://bucket/doors" in said
    assert "of unknown size" in said


def test_store_url_restores_slashes_of_path():
    for url in ("s3://bucket/a/b", "gs://bucket", "https://host:8080/a"):
        found = dataset_location(Path(url))
        assert str(found) == str(found / "x").removesuffix("/x") == url
        assert str(found.parent / "y") == url.rpartition("/")[0] + "/y" or url == "gs://bucket"
        assert is_remote(found)
        assert isinstance(found, StoreUrl)
        assert os.fspath(found) == url
    assert dataset_location("runs/s3:/x") == Path("runs/s3:/x")
    assert not is_remote(dataset_location("runs/x"))


@pytest.mark.parametrize(
    ("environment", "endpoint"),
    [
        ({}, None),
        ({"AWS_ENDPOINT_URL": "http://a/"}, "http://a"),
        ({"AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_S3": "http://b"}, "http://b"),
    ],
)
def test_store_spec_of_s3_uses_endpoint_of_environment(monkeypatch, environment, endpoint):
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    spec = store_spec("s3://bucket/a/b")
    assert (spec["bucket"], spec["path"], spec.get("endpoint")) == ("bucket", "a/b/", endpoint)
