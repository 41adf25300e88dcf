import math

import pytest
import torch
from scipy.special import logsumexp

from doorlab.objectives.contrastive import contrastive_loss


def test_against_the_sum_written_out():
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(5, 3, generator=generator) for _ in range(2))
    loss, found = contrastive_loss(a, b, torch.tensor(4.0))
    u, v = ((t / t.norm(dim=1, keepdim=True)).double().numpy() for t in (a, b))
    scores = 4.0 * u @ v.T
    there = [logsumexp(scores[i]) - scores[i, i] for i in range(5)]
    back = [logsumexp(scores[:, i]) - scores[i, i] for i in range(5)]
    assert float(loss) == pytest.approx(sum(there + back) / 10, rel=1e-5)
    assert float(found) == pytest.approx((scores.argmax(axis=1) == range(5)).mean())


def test_doors_that_look_the_same_cost_the_logarithm_of_their_number():
    same = torch.ones(8, 4)
    loss, _ = contrastive_loss(same, same, torch.tensor(10.0))
    assert float(loss) == pytest.approx(math.log(8), rel=1e-5)


def test_doors_that_are_told_apart_cost_nothing():
    loss, found = contrastive_loss(torch.eye(6), 3 * torch.eye(6), torch.tensor(50.0))
    assert float(loss) < 1e-6
    assert float(found) == 1.0


def test_only_directions_count():
    generator = torch.Generator().manual_seed(1)
    a, b = (torch.randn(4, 3, generator=generator) for _ in range(2))
    sharpness = torch.tensor(5.0)
    torch.testing.assert_close(
        contrastive_loss(7 * a, b, sharpness)[0], contrastive_loss(a, 0.1 * b, sharpness)[0]
    )
