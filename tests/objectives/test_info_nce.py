import math

import pytest
import torch
from scipy.special import logsumexp

from doorlab.objectives.info_nce import frame_contrast, info_nce


def test_info_nce_matches_explicit_sum():
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(5, 3, generator=generator) for _ in range(2))
    loss, found = info_nce(a, b, torch.tensor(4.0))
    u, v = ((t / t.norm(dim=1, keepdim=True)).double().numpy() for t in (a, b))
    scores = 4.0 * u @ v.T
    there = [logsumexp(scores[i]) - scores[i, i] for i in range(5)]
    back = [logsumexp(scores[:, i]) - scores[i, i] for i in range(5)]
    assert float(loss) == pytest.approx(sum(there + back) / 10, rel=1e-5)
    assert float(found) == pytest.approx((scores.argmax(axis=1) == range(5)).mean())


def test_info_nce_of_equal_embeddings_is_log_of_batch():
    same = torch.ones(8, 4)
    loss, _ = info_nce(same, same, torch.tensor(10.0))
    assert float(loss) == pytest.approx(math.log(8), rel=1e-5)


def test_info_nce_of_separated_embeddings_is_zero():
    loss, found = info_nce(torch.eye(6), 3 * torch.eye(6), torch.tensor(50.0))
    assert float(loss) < 1e-6
    assert float(found) == 1.0


def test_info_nce_is_invariant_to_scale():
    generator = torch.Generator().manual_seed(1)
    a, b = (torch.randn(4, 3, generator=generator) for _ in range(2))
    sharpness = torch.tensor(5.0)
    torch.testing.assert_close(info_nce(7 * a, b, sharpness)[0], info_nce(a, 0.1 * b, sharpness)[0])


def test_frame_contrast_matches_explicit_sum():
    generator = torch.Generator().manual_seed(2)
    z, other = (torch.randn(2, 4, 3, generator=generator) for _ in range(2))
    loss, found = frame_contrast(z, other, torch.tensor(1.5))
    total, right = 0.0, 0
    for a, b in zip(z.double().numpy(), other.double().numpy(), strict=True):
        scores = -1.5 * ((a[:, None] - b[None]) ** 2).sum(axis=-1)
        total += sum(logsumexp(scores[i]) - scores[i, i] for i in range(4))
        total += sum(logsumexp(scores[:, i]) - scores[i, i] for i in range(4))
        right += (scores.argmax(axis=1) == range(4)).sum()
    assert float(loss) == pytest.approx(total / 16, rel=1e-5)
    assert float(found) == pytest.approx(right / 8)


def test_frame_contrast_is_invariant_to_shift_of_door():
    generator = torch.Generator().manual_seed(3)
    z, other = (torch.randn(3, 4, 2, generator=generator) for _ in range(2))
    door = 5 * torch.randn(3, 1, 2, generator=generator)
    torch.testing.assert_close(
        frame_contrast(z + door, other + door, torch.tensor(2.0))[0],
        frame_contrast(z, other, torch.tensor(2.0))[0],
        rtol=1e-4, atol=1e-4,
    )  # fmt: skip
