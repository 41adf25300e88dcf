import pytest
import torch

from doorlab.nn.frame_subsets import random_subset, take


@pytest.mark.parametrize(
    ("frames", "fraction", "count"), [(8, 0.25, 2), (5, 0.25, 2), (3, 0.25, 1), (4, 0.0, 1)]
)
def test_random_subset_has_distinct_frames_by_fraction(frames, fraction, count):
    at = random_subset(torch.zeros(50, frames), fraction)
    assert at.shape == (50, count)
    assert all(len(set(row.tolist())) == count for row in at)
    assert at.min() >= 0
    assert at.max() < frames


def test_random_subset_is_uniform():
    torch.manual_seed(0)
    at = random_subset(torch.zeros(20_000, 5), 0.4)
    shares = torch.bincount(at.flatten(), minlength=5) / 20_000
    torch.testing.assert_close(shares, torch.full((5,), 0.4), atol=0.02, rtol=0)


def test_random_subset_of_all_frames_keeps_order_without_chance():
    before = torch.get_rng_state()
    x = torch.rand(3, 4, 2, generator=torch.Generator().manual_seed(0))
    at = random_subset(x, 1.0)
    assert torch.equal(at, torch.arange(4).expand(3, -1))
    assert torch.equal(take(x, at), x)
    assert torch.equal(torch.get_rng_state(), before)


def test_take_uses_frames_of_each_door():
    x = torch.arange(12.0).view(3, 4, 1)
    at = torch.tensor([[3, 0], [1, 2], [0, 1]])
    assert take(x, at).squeeze(-1).tolist() == [[3, 0], [5, 6], [8, 9]]
