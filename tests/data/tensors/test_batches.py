import numpy as np
import pytest
import torch

from doorlab.data.tensors.batches import DoorData, sample_frames, sample_interactions
from doorlab.errors import ConfigError, DatasetError


@pytest.fixture
def doors(dataset):
    return DoorData.load(dataset, "train")


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def test_door_data_matches_arrays_of_dataset(doors, dataset):
    rows = dataset.indices("train")
    assert len(doors) == len(rows) == 6
    np.testing.assert_array_equal(doors.indices, rows)
    expected = np.moveaxis(dataset.read("images", rows), -1, 2)
    np.testing.assert_array_equal(doors.images, expected)
    for name in ("joint_position", "actions", "rewards", "optimal_reward"):
        np.testing.assert_array_equal(getattr(doors, name), dataset.read(name, rows))


def test_door_data_first_has_tensors_of_first_doors(doors, dataset):
    on_disk = DoorData.load(dataset, "train", keep_in_memory=False)
    loaded = DoorData.load(dataset, "train", limit=4)
    for few in (doors.first(4), on_disk.first(4)):
        assert len(few) == 4
        assert torch.equal(few.images[:], loaded.images)
        assert torch.equal(few.rewards, loaded.rewards)
        assert torch.equal(few.indices, loaded.indices)


def test_sampled_batches_are_equal_in_memory_and_on_disk(doors, dataset):
    on_disk = DoorData.load(dataset, "train", keep_in_memory=False)
    for seed in range(3):
        first, second = (
            sample_interactions(d, 8, 2, torch.Generator().manual_seed(seed), 2, 3)
            for d in (doors, on_disk)
        )
        assert torch.equal(first.x_BMCHW, second.x_BMCHW)
        assert torch.equal(first.at_BTA, second.at_BTA)


def test_door_data_limits_are_nested_and_checked(doors, dataset):
    few = DoorData.load(dataset, "train", limit=2)
    assert torch.equal(few.actions, doors.actions[:2])
    with pytest.raises(DatasetError, match="at least 7 train doors"):
        DoorData.load(dataset, "train", limit=7)


def test_sample_frames_draws_distinct_frames_of_one_door(doors, generator):
    x = sample_frames(doors, batch=40, frames=2, generator=generator)
    assert x.shape == (40, 2, 3, 16, 16)
    assert 0 <= x.min() <= x.max() <= 1
    frames = (x * 255).round().to(torch.uint8)
    for pair in frames:
        owners = [[(doors.images[d] == f).flatten(1).all(1).any() for d in range(6)] for f in pair]
        assert any(a and b for a, b in zip(*owners, strict=True))
        assert not torch.equal(*pair)


def test_sample_interactions_is_deterministic_given_generator_state(doors, generator):
    state = generator.get_state()
    first = sample_interactions(doors, 4, 2, generator, context=2, targets=3)
    generator.set_state(state)
    second = sample_interactions(doors, 4, 2, generator, context=2, targets=3)
    third = sample_interactions(doors, 4, 2, generator, context=2, targets=3)
    assert torch.equal(first.x_BMCHW, second.x_BMCHW)
    assert torch.equal(first.at_BTA, second.at_BTA)
    assert not torch.equal(first.at_BTA, third.at_BTA)


def test_sample_interactions_splits_context_and_targets_without_overlap(doors, generator):
    batch = sample_interactions(doors, 64, 1, generator, context=2, targets=3)
    known = {tuple(a.tolist()): r.item() for a, r in zip(*flat(doors), strict=True)}
    for b in range(64):
        context = batch.context.actions[b][batch.context.mask[b]].tolist()
        used = [tuple(a) for a in context + batch.at_BTA[b].tolist()]
        rewards = batch.context.rewards[b][batch.context.mask[b]].tolist() + batch.rt_BT[b].tolist()
        assert len(set(used)) == len(used)
        assert [known[a] for a in used] == rewards


def flat(doors):
    return doors.actions.flatten(0, 1), doors.rewards.flatten()


def test_sample_interactions_zeroes_masked_context(doors, generator):
    batch = sample_interactions(doors, 64, 1, generator, context=2, targets=3)
    assert (batch.context.actions[~batch.context.mask] == 0).all()
    assert (batch.context.rewards[~batch.context.mask] == 0).all()
    assert batch.context.mask.any()
    assert not batch.context.mask.all()


def test_sample_interactions_context_sizes_are_uniform(doors, generator):
    batch = sample_interactions(doors, 3000, 1, generator, context=4, targets=1)
    counts = torch.bincount(batch.context.mask.sum(1), minlength=5)
    np.testing.assert_allclose(counts / 3000, 0.2, atol=0.03)


def test_sample_interactions_accepts_empty_context(doors, generator):
    batch = sample_interactions(doors, 2, 1, generator, context=0, targets=5)
    assert batch.context.actions.shape == (2, 0, 4)


def test_sampling_rejects_more_than_dataset_holds(doors, generator):
    with pytest.raises(ConfigError, match="--interactions"):
        sample_interactions(doors, 2, 1, generator, context=3, targets=3)
    with pytest.raises(ConfigError, match="--frames"):
        sample_frames(doors, 2, 4, generator)


def test_door_data_rejects_empty_split(dataset, monkeypatch):
    monkeypatch.setattr(dataset, "indices", lambda split: np.zeros(0, dtype=np.int64))
    with pytest.raises(DatasetError, match="at least 1 test"):
        DoorData.load(dataset, "test")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_sample_interactions_is_equal_on_gpu(dataset, doors):
    on_gpu = DoorData.load(dataset, "train", "cuda")
    cpu = sample_interactions(doors, 4, 2, torch.Generator().manual_seed(1), 2, 3)
    gpu = sample_interactions(on_gpu, 4, 2, torch.Generator().manual_seed(1), 2, 3)
    assert torch.equal(cpu.at_BTA, gpu.at_BTA.cpu())
    assert torch.equal(cpu.x_BMCHW, gpu.x_BMCHW.cpu())
