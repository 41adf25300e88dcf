from dataclasses import asdict, replace

import numpy as np
import pytest
from helpers.fake_simulator import FakeSimulator
from hypothesis import given
from hypothesis import strategies as st

from doorlab.data import DoorDataset
from doorlab.data.schema import ARRAYS, SPLITS
from doorlab.data.sources.simulation import (
    GenerationConfig,
    joint_positions,
    make_door,
    make_shard,
    passive_actions,
    split_of_doors,
)
from doorlab.data.writer import write_dataset
from doorlab.doors import Door, View, doors_to_arrays, get_prior
from doorlab.errors import ConfigError, DatasetError
from doorlab.seeding import stream


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("doors", 0),
        ("doors", -3),
        ("frames", 0),
        ("interactions", -1),
        ("image_size", 4),
        ("image_size", 4096),
        ("seed", -1),
        ("shard_doors", 0),
        ("videos", -1),
        ("test_fraction", -0.1),
        ("test_fraction", 0.95),
        ("test_fraction", float("nan")),
    ],
)
def test_generation_config_rejects_invalid_values_by_name(name, value):
    with pytest.raises(ConfigError, match="--" + name.replace("_", "-")):
        GenerationConfig(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("doors", 2.5),
        ("doors", True),
        ("test_fraction", "a"),
        ("action_mix", "wild"),
        ("seed", None),
    ],
)
def test_generation_config_rejects_values_of_other_types(name, value):
    with pytest.raises(
        (ConfigError, TypeError), match=name.replace("_", "[-_]")
    ):  # TypeError: jaxtyping was faster
        GenerationConfig(**{name: value})


def test_generation_config_rejects_empty_train_split():
    with pytest.raises(ConfigError, match="below 1"):
        GenerationConfig(validation_fraction=0.5, test_fraction=0.5)


def test_generation_config_round_trips_through_json(config):
    values = asdict(config)
    assert GenerationConfig.from_json(values) == config
    with pytest.raises(ConfigError, match="frames"):
        GenerationConfig.from_json({k: v for k, v in values.items() if k != "frames"})
    with pytest.raises(ConfigError, match="color"):
        GenerationConfig.from_json({**values, "color": 1})


def test_differing_names_fields_and_values(config):
    other = replace(config, seed=7, frames=config.frames)
    assert config.differing(config) == []
    assert config.differing(other) == ["seed (0 there, 7 here)"]


@given(doors=st.integers(1, 500), size=st.integers(1, 600))
def test_shards_cover_every_door_once(doors, size):
    shards = GenerationConfig(doors=doors, shard_doors=size).shards()
    covered = [i for first, last in shards.values() for i in range(first, last)]
    assert covered == list(range(doors))
    assert list(shards) == sorted(shards)


def test_make_shard_is_independent_of_shard_size(config):
    simulator = FakeSimulator()
    whole = make_shard(config, 0, 11, simulator)
    parts = [make_shard(config, a, b, simulator) for a, b in ((0, 1), (1, 6), (6, 11))]
    assert set(whole) == set(config.arrays())
    for name, array in whole.items():
        np.testing.assert_array_equal(array, np.concatenate([part[name] for part in parts]))


def test_make_shard_follows_schema(config):
    for name, array in make_shard(config, 4, 8, FakeSimulator()).items():
        assert array.dtype == ARRAYS[name].dtype
        assert array.shape == ARRAYS[name].shape(4, 3, 5, 16)


def test_make_shard_samples_doors_and_views_from_prior(config):
    prior, shard = get_prior(config.prior), make_shard(config, 2, 4, FakeSimulator())
    door: Door = prior.sample(stream(config.seed, "door", 2))
    assert make_door(config, 2) == door
    assert shard["door/width"][0] == doors_to_arrays([door])["width"][0]
    view = prior.sample_view(stream(config.seed, "view", 2), door)
    assert View.from_array(shard["view"][0, 0]) == view


def test_joint_positions_start_closed_and_fill_range():
    config = GenerationConfig(frames=500)
    door = make_door(config, 0)
    positions = joint_positions(config, 0, door)
    assert positions[0] == 0
    assert positions.min() >= 0
    assert positions.max() <= door.opening_limit
    assert positions.mean() == pytest.approx(door.opening_limit / 2, rel=0.1)


def test_passive_actions_uniform_mix_has_moments_of_box():
    config = GenerationConfig(interactions=20_000, action_mix="uniform")
    actions = passive_actions(config, 3)
    np.testing.assert_allclose(actions.mean(0), 0, atol=0.03)
    np.testing.assert_allclose(actions.var(0), 1 / 3, atol=0.02)


def test_passive_actions_plausible_mix_is_near_handle_side_with_wide_swing():
    uniform = GenerationConfig(interactions=400, action_mix="uniform")
    plain = passive_actions(uniform, 5)
    mixed = passive_actions(replace(uniform, action_mix="plausible"), 5)
    np.testing.assert_array_equal(mixed[0::4], plain[0::4])
    guesses = mixed[np.arange(400) % 4 > 0]
    assert np.abs(mixed).max() <= 1
    off_level = np.minimum(np.abs(guesses[:, 0]), 1 - np.abs(guesses[:, 0]))  # phi is periodic
    assert off_level.max() < 0.3
    assert np.abs(guesses[:, 2]).min() >= 0.6
    assert np.abs(guesses[:, 3]).min() >= 0.3
    # Nothing about the door leaks: every choice of side, way and turn is as common.
    sides = np.stack([np.abs(guesses[:, 0]) < 0.5, guesses[:, 2] > 0, guesses[:, 3] > 0])
    np.testing.assert_allclose(sides.mean(axis=1), 0.5, atol=0.1)


def test_make_shard_without_interactions_is_unlabeled(config):
    shard = make_shard(replace(config, interactions=0), 0, 3, FakeSimulator())
    assert shard["actions"].shape == (3, 0, 4)
    assert shard["rewards"].shape == (3, 0)


@given(
    doors=st.integers(1, 300),
    test=st.floats(0, 0.5),
    validation=st.floats(0, 0.45),
    seed=st.integers(0, 5),
)
def test_split_of_doors_has_configured_fractions(doors, test, validation, seed):
    config = GenerationConfig(
        doors=doors, test_fraction=test, validation_fraction=validation, seed=seed
    )
    counts = dict(zip(SPLITS, np.bincount(split_of_doors(config), minlength=3), strict=True))
    assert counts["test"] == pytest.approx(test * doors, abs=1)
    assert counts["validation"] == pytest.approx(validation * doors, abs=1)
    assert counts["train"] >= 1


def test_split_of_doors_is_random_and_exact():
    config = GenerationConfig(doors=100, test_fraction=0.29)
    assert (split_of_doors(config) == SPLITS.index("test")).sum() == 29
    assert (split_of_doors(config) != split_of_doors(replace(config, seed=1))).any()


def test_write_dataset_stores_requested_layers(tmp_path):
    config = GenerationConfig(
        doors=3, frames=2, interactions=0, image_size=24, videos=0, depth=True, segmentation=True
    )
    write_dataset(tmp_path / "d", config)
    dataset = DoorDataset.open(tmp_path / "d")
    depth, parts = dataset.read("depth"), dataset.read("segmentation")
    assert depth.shape == parts.shape == (3, 2, 24, 24)
    assert 1.0 < np.median(depth) < 5.0  # the camera stands 3 m before the wall
    assert set(np.unique(parts)) >= {0, 1, 2}
    assert (depth[parts == 2] < 4.5).all()
    plain = replace(config, depth=False, segmentation=False)
    write_dataset(tmp_path / "plain", plain)
    bare = DoorDataset.open(tmp_path / "plain")
    np.testing.assert_array_equal(bare.read("images"), dataset.read("images"))
    with pytest.raises(DatasetError, match="depth"):
        bare.read("depth")


@pytest.mark.parametrize("simulator", ["pybullet", "auto"])
def test_pybullet_dataset_has_same_bytes_for_every_python_and_package(tmp_path, simulator):
    """`pybullet` 3.2.7 on Python 3.11 and `pybullet-arm64` 3.2.8 on 3.13 gave this checksum."""
    pytest.importorskip("pybullet")
    config = GenerationConfig(
        doors=12, frames=3, interactions=4, image_size=32, prior="default", videos=0, seed=7,
        depth=True, segmentation=True, shadows=True, simulator=simulator,
    )  # fmt: skip
    manifest = write_dataset(tmp_path / "dataset", config)
    assert manifest.checksum == "blake2b:4a1b55fa8848ee82c43588417651519a"
    assert DoorDataset.open(tmp_path / "dataset").simulator == "pybullet"


def test_with_resolved_simulator_keeps_resolved_prior(tmp_path):
    file = tmp_path / "ranges.json"
    file.write_text("{}")
    config = GenerationConfig(doors=2, prior=str(file))
    prior = config.door_prior
    file.unlink()
    resolved = config.with_resolved_simulator()
    assert resolved.door_prior == prior
    assert resolved.simulator in ("pybullet", "torch")
