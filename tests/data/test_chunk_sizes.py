"""Arrays whose metadata or chunks claim more than the memory."""

import json
import os
import shutil
import struct

import numpy as np
import pytest

from doorlab.data import DoorDataset
from doorlab.data.shards import array_files
from doorlab.errors import DatasetError

SHARD = "shards/shard-00001"  # of four doors


@pytest.fixture
def copy(dataset, tmp_path):
    """A dataset that may be changed."""
    return DoorDataset.open(shutil.copytree(dataset.path, tmp_path / "copy"))


def crc32c(data: bytes) -> bytes:
    """CRC-32C, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return struct.pack("<I", crc ^ 0xFFFFFFFF)


def read_in_a_child(dataset, name):
    """An array as a process reads it, for crimes that end one: None, or the error."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            dataset.read(name)
        except DatasetError as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        said = answer.read()
    assert os.waitpid(child, 0)[1] == 0
    return said


CRAFTED = {
    "chunks of a billion doors": ("chunk_grid", "configuration", "chunk_shape"),
    "a billion doors": ("shape",),
}


@pytest.mark.parametrize("what", CRAFTED)
@pytest.mark.parametrize("name", ["rewards", "images"])
def test_dataset_read_rejects_metadata_of_another_layout(copy, name, what):
    file = copy.path / SHARD / name / "zarr.json"
    document = json.loads(file.read_text())
    *way, last = CRAFTED[what]
    inner = document
    for key in way:
        inner = inner[key]
    inner[last] = [10**9, *inner[last][1:]]
    file.write_text(json.dumps(document))
    said = read_in_a_child(copy, name)
    assert "shard-00001 of" in said
    assert "1000000000" in said


@pytest.mark.parametrize(
    "change",
    [
        {"data_type": "float64"},
        {"chunk_key_encoding": {"name": "v2"}},
        {"codecs": [{"name": "bytes", "configuration": {"endian": "little"}}]},
        {"dimension_names": ["a", "b"]},
    ],
)
def test_dataset_read_rejects_other_metadata_values(copy, change):
    file = copy.path / SHARD / "rewards/zarr.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(DatasetError, match="shard-00001"):
        copy.read("rewards")


def test_dataset_read_rejects_chunks_of_gigabytes(copy):
    file = copy.path / SHARD / array_files("rewards")[1]
    content = bytearray(file.read_bytes())
    content[4:8] = struct.pack("<I", 2**31 - 100)
    content[-4:] = crc32c(bytes(content[:-4]))
    file.write_bytes(content)
    with pytest.raises(
        DatasetError, match=r"a chunk of 2147483548 bytes, not 80, in rewards/c/0/0\."
    ):
        copy.read("rewards")


def test_dataset_read_rejects_inner_chunk_of_gigabytes(copy):
    file = copy.path / SHARD / array_files("images")[1]
    content = bytearray(file.read_bytes())
    offset, length = struct.unpack("<QQ", content[-4 - 16 * 2 : -4 - 16])  # of the third door
    content[offset + 4 : offset + 8] = struct.pack("<I", 2**31 - 100)
    checked = bytes(content[offset : offset + length - 4])
    content[offset + length - 4 : offset + length] = crc32c(checked)
    file.write_bytes(content)
    with pytest.raises(DatasetError, match="a chunk of 2147483548 bytes, not 2304, in images/c/"):
        copy.read("images", np.array([4]))


@pytest.mark.parametrize("size", [0, 3, 20, 200])
@pytest.mark.parametrize("name", ["rewards", "images", "door/locked"])
def test_dataset_read_rejects_truncated_chunks(copy, name, size):
    file = copy.path / SHARD / array_files(name)[1]
    os.truncate(file, min(size, file.stat().st_size - 1))
    with pytest.raises(DatasetError, match="shard-00001"):
        copy.read(name)


def test_dataset_read_rejects_invalid_booleans(copy):
    file = copy.path / SHARD / array_files("door/locked")[1]
    content = bytearray(file.read_bytes())
    content[16:20] = b"\2\7\1\0"  # so short an array is stored as it is, behind the head
    content[-4:] = crc32c(bytes(content[:-4]))
    file.write_bytes(content)
    with pytest.raises(DatasetError, match="shard-00001"):
        copy.read("door/locked")
