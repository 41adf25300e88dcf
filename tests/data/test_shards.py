import errno
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorlab.data.checksums import checksum, part_checksum
from doorlab.data.schema import ARRAYS
from doorlab.data.shards import encode_shard, open_array, write_shard
from doorlab.errors import DatasetError, ResultError


def random_arrays(seed, doors=3, frames=2, interactions=4, image_size=8):
    rng = np.random.default_rng(seed)
    arrays = {}
    for name, spec in ARRAYS.items():
        shape, dtype = spec.shape(doors, frames, interactions, image_size), np.dtype(spec.dtype)
        whole = rng.integers(0, 2 if dtype.kind == "b" else 100, shape)
        values = whole if dtype.kind in "iub" else rng.normal(size=shape)
        arrays[name] = values.astype(dtype)
    return arrays


shapes = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 1000),
        "doors": st.integers(1, 5),
        "frames": st.integers(1, 3),
        "interactions": st.integers(0, 3),
        "image_size": st.integers(1, 9),
    }
)


@settings(max_examples=20, deadline=None)
@given(shape=shapes)
def test_shard_round_trips_arrays(tmp_path_factory, shape):
    arrays = random_arrays(**shape)
    path = tmp_path_factory.mktemp("store") / "shard"
    assert write_shard(path, arrays) == part_checksum(path.parent, "shard")
    for name, array in arrays.items():
        read = open_array(str(path), name, array.shape).result().read().result()
        assert read.dtype == array.dtype
        np.testing.assert_array_equal(read, array)


def random_bits(seed, **sizes):
    """Arrays of any value of their dtype: NaN with payloads, infinity, -0.0, subnormals."""
    rng, arrays = np.random.default_rng(seed), random_arrays(seed, **sizes)
    for name, array in arrays.items():
        if array.dtype == bool:
            arrays[name] = rng.random(array.shape) < 0.5
        else:
            raw = np.frombuffer(rng.bytes(array.nbytes), array.dtype).reshape(array.shape).copy()
            odd = np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324])
            if array.dtype.kind == "f":
                raw = np.where(rng.random(raw.shape) < 0.5, rng.choice(odd, raw.shape), raw)
            arrays[name] = raw.astype(array.dtype)
    return arrays


@settings(max_examples=20, deadline=None)
@given(shape=shapes)
def test_shard_round_trips_any_bits(tmp_path_factory, shape):
    arrays = random_bits(**shape)
    path = tmp_path_factory.mktemp("bits") / "shard"
    write_shard(path, arrays)
    for name, array in arrays.items():
        read = open_array(str(path), name, array.shape).result().read().result()
        assert (read.dtype, read.shape) == (array.dtype, array.shape)
        assert read.tobytes() == array.tobytes(), name  # NaN and the sign of zero, too


@settings(max_examples=5, deadline=None)
@given(shape=shapes)
def test_shard_is_readable_by_zarr_python(tmp_path_factory, shape):
    zarr = pytest.importorskip("zarr", minversion="3")
    arrays = random_arrays(**shape)
    path = tmp_path_factory.mktemp("zarr") / "shard"
    write_shard(path, arrays)
    group = zarr.open_group(path, mode="r")
    assert group["door"]["width"].metadata.dimension_names == ("door",)
    for name, array in arrays.items():
        np.testing.assert_array_equal(group[name][...], array)


def test_encode_shard_is_deterministic():
    assert encode_shard(random_arrays(1)) == encode_shard(random_arrays(1))
    assert checksum(encode_shard(random_arrays(1))) != checksum(encode_shard(random_arrays(2)))


def test_write_shard_stores_all_zero_chunks(tmp_path):
    zeros = {name: np.zeros_like(array) for name, array in random_arrays(0).items()}
    write_shard(tmp_path / "shard", zeros)
    assert (tmp_path / "shard/rewards/c/0/0").stat().st_size > 0


def test_write_shard_puts_every_array_in_zarr_group(tmp_path):
    write_shard(tmp_path / "shard", random_arrays(0))
    for group in ("", "door", "door/appearance"):
        metadata = json.loads((tmp_path / "shard" / group / "zarr.json").read_text())
        assert metadata["node_type"] == "group"


def test_encode_shard_stores_one_door_per_chunk(tmp_path):
    metadata = json.loads(encode_shard(random_arrays(0))["images/zarr.json"])
    (codec,) = metadata["codecs"]
    assert codec["name"] == "sharding_indexed"
    assert codec["configuration"]["chunk_shape"] == [1, 2, 8, 8, 3]


@pytest.fixture(scope="module")
def files():
    return encode_shard(random_arrays(3))


@given(data=st.data())
def test_checksum_changes_with_any_flipped_bit(files, data):
    name = data.draw(st.sampled_from(sorted(files)))
    content = bytearray(files[name])
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= 1 << data.draw(st.integers(0, 7))
    assert checksum({**files, name: bytes(content)}) != checksum(files)


def test_checksum_changes_with_lost_extra_and_renamed_files(files):
    rest = {k: v for k, v in files.items() if k != "split/c/0"}
    renamed = {**rest, "split/c/1": files["split/c/0"]}
    sums = [checksum(f) for f in (files, rest, renamed, {**files, "note.txt": b""})]
    assert len(set(sums)) == 4


def test_part_checksum_of_missing_shard_is_none(tmp_path):
    assert part_checksum(tmp_path, "shards/nothing") is None


@pytest.mark.parametrize("files_before", [0, 1, 20])
def test_write_shard_leaves_nothing_on_full_disk(tmp_path, monkeypatch, files_before):
    write_bytes, written = Path.write_bytes, []

    def fail_later(path, data):
        written.append(path)
        if len(written) > files_before:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_bytes(path, data)

    monkeypatch.setattr(Path, "write_bytes", fail_later)
    with pytest.raises(ResultError, match="full disk"):
        write_shard(tmp_path / "shard", random_arrays(0))
    assert list(tmp_path.iterdir()) == []


def test_encode_shard_rejects_wrong_arrays():
    arrays = random_arrays(0)
    with pytest.raises(DatasetError, match="rewards"):
        encode_shard({k: v for k, v in arrays.items() if k != "rewards"})
    with pytest.raises(DatasetError, match="rewards as float32"):
        encode_shard({**arrays, "rewards": arrays["rewards"].astype(np.float64)})
    with pytest.raises(DatasetError, match="split as uint8"):
        encode_shard({**arrays, "split": arrays["split"][:, None]})
