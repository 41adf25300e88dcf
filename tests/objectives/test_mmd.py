import pytest
import torch

from doorlab.objectives.mmd import mmd_to_standard_normal


def kernel(a, b):
    squares = torch.cdist(a, b).square()
    linear = a @ b.T / a.shape[1]
    return linear + sum((-squares / (2 * v)).exp() for v in (0.25, 1.0, 4.0))


def without_itself(points):
    """Mean of the kernel over pairs of different points."""
    found = kernel(points, points)
    return (found.sum() - found.trace()) / (len(points) * (len(points) - 1))


def test_mmd_matches_sampled_normal():
    generator = torch.Generator().manual_seed(0)
    z = 0.5 + torch.randn(3, 6, 2, generator=generator).double()
    normal = torch.randn(4000, 2, generator=generator).double()
    among_normal = without_itself(normal)
    for mine, found in zip(z, mmd_to_standard_normal(z.float()), strict=True):
        wanted = without_itself(mine) - 2 * kernel(mine, normal).mean() + among_normal
        assert float(found) == pytest.approx(float(wanted), abs=0.03)


def test_mmd_is_unbiased_for_normal_latents():
    found = mmd_to_standard_normal(
        torch.randn(4000, 4, 2, generator=torch.Generator().manual_seed(1))
    )
    assert abs(float(found.mean())) < 4 * float(found.std()) / 4000**0.5


@pytest.mark.parametrize("said", ["mean", "spread", "sign"])
def test_mmd_detects_door_information_in_latents(said):
    """A mean per door; a spread per door, with the same mean; a place in one of two lobes.

    In the last case the latents of all doors together are normal.
    """
    z = torch.randn(400, 8, 1, generator=torch.Generator().manual_seed(2))
    kind = torch.arange(400).remainder(2).view(400, 1, 1)
    if said == "mean":
        z = z + 2.0 * kind - 1.0
    elif said == "spread":
        z = z * (0.3 + 1.2 * kind)
    else:
        z = z.abs() * (2 * kind - 1)
    assert float(mmd_to_standard_normal(z).mean()) > 0.1


def test_mmd_of_one_frame_is_zero():
    assert mmd_to_standard_normal(torch.randn(5, 1, 2)).tolist() == [0.0] * 5


def test_mmd_gradient_does_not_vanish_with_distance():
    """The gradient of Gaussian kernels alone vanishes with distance."""
    pulls = []
    for away in (1.0, 10.0):
        z = torch.full((1, 4, 1), away, requires_grad=True)
        mmd_to_standard_normal(z).sum().backward()
        pulls.append(float(z.grad.sum()))
    assert pulls[1] > pulls[0] > 0
