import pytest
import torch

from doorlab.nn.gaussian import MIN_STD, GaussianHead, sample, standard_normal


def test_gaussian_head_has_requested_initial_std():
    torch.manual_seed(0)
    head = GaussianHead(6, 3, initial_std=0.2)
    normal = head(torch.zeros(5, 7, 6))
    assert normal.mean.shape == normal.stddev.shape == (5, 7, 3)
    with torch.no_grad():
        head.linear.bias.zero_()
    torch.testing.assert_close(head(torch.zeros(1, 6)).stddev, torch.full((1, 3), 0.2 + MIN_STD))


def test_gaussian_head_std_has_lower_bound():
    head = GaussianHead(1, 1)
    with torch.no_grad():
        head.linear.weight.fill_(-100.0)
    assert head(torch.ones(1, 1) * 50).stddev.item() == pytest.approx(MIN_STD)


def test_sample_has_moments_and_is_deterministic_given_generator():
    mean, std = torch.tensor([1.0, -2.0]), torch.tensor([0.5, 3.0])
    normal = torch.distributions.Normal(mean.expand(40_000, 2), std.expand(40_000, 2))
    draws = sample(normal, torch.Generator().manual_seed(1))
    torch.testing.assert_close(draws.mean(0), mean, atol=0.05, rtol=0)
    torch.testing.assert_close(draws.std(0), std, atol=0.05, rtol=0)
    assert torch.equal(draws, sample(normal, torch.Generator().manual_seed(1)))
    assert not torch.equal(draws, sample(normal, torch.Generator().manual_seed(2)))


def test_sample_is_differentiable():
    mean = torch.zeros(3, requires_grad=True)
    std = torch.ones(3, requires_grad=True)
    noise = sample(torch.distributions.Normal(mean, std))
    noise.sum().backward()
    assert torch.equal(mean.grad, torch.ones(3))
    torch.testing.assert_close(std.grad, noise.detach())


def test_standard_normal_has_zero_mean_and_unit_std():
    normal = standard_normal(torch.full((2, 3), 9.0))
    assert torch.equal(normal.mean, torch.zeros(2, 3))
    assert torch.equal(normal.stddev, torch.ones(2, 3))
