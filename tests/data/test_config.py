import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorlab.data import ARRAYS, GenerationConfig, ImportConfig
from doorlab.data.config import split_of_doors
from doorlab.errors import ConfigError

NAMES = st.lists(st.text(min_size=1), min_size=1, max_size=9, unique=True).map(tuple)


@given(names=NAMES, frames=st.integers(1, 99), skip=st.booleans())
def test_configs_round_trip_through_json(names, frames, skip):
    config = ImportConfig(names=names, frames=frames, skip_short=skip)
    values = {k: list(v) if isinstance(v, tuple) else v for k, v in config.to_json().items()}
    assert ImportConfig.from_json(values) == config
    with pytest.raises(ConfigError, match="frames"):
        ImportConfig.from_json({k: v for k, v in values.items() if k != "frames"})
    with pytest.raises(ConfigError, match="prior"):
        GenerationConfig.from_json(values)


@given(doors=st.integers(1, 300), size=st.integers(1, 100))
def test_shards_cover_all_doors(doors, size):
    for config in (
        GenerationConfig(doors=doors, shard_doors=size),
        ImportConfig(names=tuple(map(str, range(doors))), shard_doors=size),
    ):
        found = [range(*ends) for ends in config.shards().values()]
        assert [door for shard in found for door in shard] == list(range(doors))
        assert all(len(shard) <= size for shard in found)


def test_split_of_doors_depends_on_seed_and_fractions_only():
    names = tuple(map(str, range(40)))
    imported = ImportConfig(names=names, seed=5, test_fraction=0.25, validation_fraction=0.1)
    made = GenerationConfig(doors=40, seed=5, test_fraction=0.25, validation_fraction=0.1)
    np.testing.assert_array_equal(split_of_doors(imported), split_of_doors(made))
    assert np.bincount(split_of_doors(made)).tolist() == [26, 4, 10]


def test_configs_list_arrays_of_their_kind():
    assert set(GenerationConfig(depth=True, segmentation=True).arrays()) == set(ARRAYS)
    assert set(ARRAYS) - set(GenerationConfig().arrays()) == {"depth", "segmentation"}
    assert set(ImportConfig(names=("a",)).arrays()) == {"images", "split"}
    assert ImportConfig(names=("a",)).video_names() == {}


def test_config_command_names_non_default_settings():
    command = ImportConfig(names=("a",), source="my doors", fit="pad", skip_short=True).command("x")
    assert command == "doorlab import 'my doors' --out x --fit pad --skip-short --resume"
    assert GenerationConfig().command("x") == "doorlab generate --out x --resume"
