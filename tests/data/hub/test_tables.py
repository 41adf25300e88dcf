from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorlab.data import ARRAYS, GenerationConfig
from doorlab.data.hub.tables import (
    columns,
    read_doors,
    table_schema,
    to_arrays,
    to_table,
    write_parquet,
)
from doorlab.data.sources.importing import ImportConfig
from doorlab.doors.door import CATEGORIES
from doorlab.errors import DatasetError

PIXELS = ("height", "width")


def random_arrays(config, doors, seed=0):
    rng, arrays = np.random.default_rng(seed), {}
    for name, spec in config.arrays().items():
        shape = spec.shape(doors, config.frames, config.interactions, config.image_size)
        field = name.removeprefix("door/").replace("/", ".")
        high = len(CATEGORIES[field]) if field in CATEGORIES else 100
        whole = np.dtype(spec.dtype).kind in "iu"
        values = rng.integers(0, high, shape) if whole else rng.normal(size=shape)
        arrays[name] = values.astype(spec.dtype)
    del arrays["split"]
    return arrays


configs = st.builds(
    GenerationConfig,
    depth=st.booleans(),
    segmentation=st.booleans(),
    doors=st.just(9),
    frames=st.integers(1, 3),
    interactions=st.integers(0, 3),
    image_size=st.integers(8, 10),
)


@settings(max_examples=15, deadline=None)
@given(config=configs, doors=st.integers(1, 5), seed=st.integers(0, 99))
def test_parquet_tables_round_trip_arrays_bit_for_bit(tmp_path_factory, config, doors, seed):
    arrays = random_arrays(config, doors, seed)
    file = tmp_path_factory.mktemp("tables") / "a.parquet"
    write_parquet(file, config, [to_table(config, np.arange(doors), arrays)])
    found = to_arrays(config, pq.read_table(file))
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_parquet_columns_cover_every_array():
    config = GenerationConfig(depth=True, segmentation=True)
    assert {spec.name for spec in columns(config).values()} == set(ARRAYS) - {"split"}
    assert len(columns(config)) == len(config.arrays()) - 1
    assert pa.types.is_struct(table_schema(config).field("segmentation").type.value_type)
    assert table_schema(config).field("appearance_panel_style").type == pa.string()


def test_read_doors_spans_files_and_row_groups(tmp_path):
    config = ImportConfig(names=tuple("abcdefghij"), frames=2, image_size=8)
    arrays = random_arrays(config, 10)

    def table(*doors):
        return to_table(config, np.array(doors), {"images": arrays["images"][list(doors)]})

    files = [tmp_path / "x.parquet", tmp_path / "door=1.parquet"]
    write_parquet(files[0], config, [table(0, 3), table(4, 8)])
    write_parquet(files[1], config, [table(1, 2, 5, 6), table(7, 9)])
    found = read_doors(config, files, 3, 9)
    assert found["door"].tolist() == [3, 4, 5, 6, 7, 8]
    np.testing.assert_array_equal(found["images"], arrays["images"][3:9])
    assert pq.read_table(files[0])["name"].to_pylist() == ["a", "d", "e", "i"]
    assert read_doors(config, files, 20, 30)["door"].tolist() == []


def test_read_doors_names_missing_files_and_columns(tmp_path):
    config = ImportConfig(names=("a", "b"), frames=1, image_size=8)
    with pytest.raises(DatasetError, match=r"none\.parquet"):
        read_doors(config, [Path("none.parquet")], 0, 2)
    file = tmp_path / "bare.parquet"
    pq.write_table(pa.table({"door": [0, 1]}), file)
    with pytest.raises(DatasetError, match=r"bare\.parquet.*images.*Download it again"):
        read_doors(config, [file], 0, 2)
