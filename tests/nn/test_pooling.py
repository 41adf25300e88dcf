import math

import numpy as np
import pytest
import torch

from doorlab.errors import ConfigError
from doorlab.nn.pooling import (
    AGGREGATORS,
    aggregator,
    masked_mean,
    set_size,
    set_statistics,
    weighted_mean,
)

H = torch.randn(4, 6, 3, generator=torch.Generator().manual_seed(0))
MASK = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 1], [0] * 6]).bool()


def test_masked_mean_averages_unmasked_rows():
    pooled = masked_mean(H, MASK)
    for b in range(3):
        torch.testing.assert_close(pooled[b], H[b][MASK[b]].mean(0))
    assert torch.equal(pooled[3], torch.zeros(3))


@pytest.mark.parametrize("pool", [masked_mean, lambda h, m: weighted_mean(h, m.float())])
def test_pooling_is_invariant_to_order_and_masked_rows(pool):
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    torch.testing.assert_close(pool(H[:, order], MASK[:, order]), pool(H, MASK))
    changed = torch.where(MASK[..., None], H, torch.full_like(H, 1e6))
    torch.testing.assert_close(pool(changed, MASK), pool(H, MASK))


def test_weighted_mean_matches_formula():
    weights = torch.rand(4, 6, generator=torch.Generator().manual_seed(1))
    expected = (H * weights[..., None]).sum(1) / (weights.sum(1, keepdim=True) + 0.1)
    torch.testing.assert_close(weighted_mean(H, weights), expected)
    heavy = weighted_mean(H, 1e4 * torch.ones(4, 6))
    torch.testing.assert_close(heavy, H.mean(1), atol=1e-4, rtol=0)
    assert torch.equal(weighted_mean(H, torch.zeros(4, 6)), torch.zeros(4, 3))


def test_set_size_is_log_of_count():
    expected = [[math.log(7)], [math.log(3)], [math.log(2)], [0.0]]
    torch.testing.assert_close(set_size(MASK), torch.tensor(expected))


def test_set_statistics_match_numpy():
    h = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
    found = set_statistics(h, ("mean", "max", "spread"))
    values = h.numpy()
    wanted = np.concatenate([values.mean(1), values.max(1), values.std(1)], axis=1)
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-4, atol=1e-5)


def test_set_statistics_of_one_member_have_zero_spread():
    """The gradient is finite."""
    h = torch.randn(2, 1, 3, requires_grad=True)
    spread = set_statistics(h, ("spread",))
    spread.sum().backward()
    assert float(spread.detach().max()) < 2e-3
    assert torch.isfinite(h.grad).all()


@pytest.mark.parametrize("name", sorted(AGGREGATORS))
def test_aggregators_pool_sets(name):
    """Of the stated size, in any order, and equal for empty sets of any length."""
    rewards = torch.rand(4, 6, generator=torch.Generator().manual_seed(2))
    found = AGGREGATORS[name].pool(H, rewards, MASK)
    assert found.shape == (4, AGGREGATORS[name].size(3))
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    again = AGGREGATORS[name].pool(H[:, order], rewards[:, order], MASK[:, order])
    torch.testing.assert_close(again, found)
    empty = AGGREGATORS[name].pool(H[3:, :0], rewards[3:, :0], MASK[3:, :0])
    torch.testing.assert_close(empty, found[3:])


def test_split_aggregator_keeps_one_success_among_failures():
    h = torch.zeros(1, 20, 1)
    h[0, 7] = 1.0
    rewards, mask = h[..., 0], torch.ones(1, 20, dtype=torch.bool)
    plain, split = (AGGREGATORS[name].pool(h, rewards, mask) for name in ("mean", "split"))
    assert plain.max() == pytest.approx(0.05)
    assert split[0, 1] == pytest.approx(1 / 1.1)  # of what worked


def test_aggregator_rejects_unknown_name():
    with pytest.raises(ConfigError, match="Did you mean 'split'"):
        aggregator("splt")
