"""Reward distributions against numerical integration, and for extreme floats."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Beta, Normal

from doorlab.bandit.acquisition import ACQUISITIONS
from doorlab.errors import ConfigError
from doorlab.models.processes.base import RewardPrediction
from doorlab.models.processes.reward_distributions import (
    HEADS,
    InflatedBeta,
    PlainGaussian,
    SoftBernoulli,
    reward_head,
)
from doorlab.objectives.reward_likelihoods import END

names = st.sampled_from(sorted(HEADS))
raw = st.lists(st.floats(-4, 4), min_size=4, max_size=4)
extreme = st.lists(
    st.sampled_from([-1e4, -80.0, -10.0, 0.0, 10.0, 80.0, 1e4]), min_size=4, max_size=4
)


def law_of(name, outputs):
    """One law, in float64."""
    law = HEADS[name]
    return law(torch.tensor(outputs[: law.outputs], dtype=torch.float64).expand(1, -1))


def log_prob(law, r):
    """Of several rewards under one law."""
    return type(law)(law.raw.expand(len(r), -1)).log_prob(r)


def by_integration(law):
    """Total, mean and variance of the density: the ends, and the trapezoidal rule between them."""
    between = torch.linspace(END, 1 - END, 20_001, dtype=torch.float64)[1:-1]
    ends = log_prob(law, torch.tensor([0.0, 1.0], dtype=torch.float64)).exp()
    density = log_prob(law, between).exp()

    def expected(f):
        ends_part = f(torch.tensor(0.0)) * ends[0] + f(torch.tensor(1.0)) * ends[1]
        inner = torch.trapezoid(f(between) * density, between)
        # the two half-open cells beside the ends
        return ends_part + inner + (f(between[[0, -1]]) * density[[0, -1]]).sum() * 4.9e-5

    total, mean = expected(torch.ones_like), expected(lambda r: r)
    return total, mean, expected(lambda r: (r - mean).square())


@settings(max_examples=60, deadline=None)
@given(names, raw)
def test_reward_distribution_integrates_to_one(name, outputs):
    total, _, _ = by_integration(law_of(name, outputs))
    assert total.item() == pytest.approx(1.0, abs=2e-4)


@settings(max_examples=60, deadline=None)
@given(raw)
def test_inflated_beta_moments_match_density(outputs):
    law = law_of("inflated_beta", outputs)
    _, mean, variance = by_integration(law)
    assert law.mean.item() == pytest.approx(mean.item(), abs=2e-4)
    assert law.std.item() == pytest.approx(variance.sqrt().item(), abs=1e-3)


def test_gaussian_moments_match_uncensored_density():
    """The density on the real line, which training maximizes."""
    law, line = law_of("gaussian", [1.0, -1.0]), torch.linspace(-3, 4, 40_001).double()
    density = PlainGaussian(law.raw.expand(len(line), -1)).score(line).exp()
    assert torch.trapezoid(density, line).item() == pytest.approx(1.0, abs=1e-6)
    mean = torch.trapezoid(line * density, line)
    assert law.mean.item() == pytest.approx(mean.item(), abs=1e-6)
    variance = torch.trapezoid((line - mean).square() * density, line)
    assert law.std.item() == pytest.approx(variance.sqrt().item(), abs=1e-6)
    inside = torch.tensor([0.02, 0.5, 0.98], dtype=torch.float64)
    torch.testing.assert_close(log_prob(law, inside), Normal(law.mean, law.std).log_prob(inside))
    below = torch.linspace(-3, END, 20_001, dtype=torch.float64)
    density = PlainGaussian(law.raw.expand(len(below), -1)).score(below).exp()
    shut = torch.trapezoid(density, below).log().expand(2)
    found = log_prob(law, torch.tensor([0.0, 0.005]))
    torch.testing.assert_close(found, shut, atol=1e-5, rtol=0)


def test_inflated_beta_matches_torch_beta_between_ends():
    law = law_of("inflated_beta", [0.3, -0.2, 1.5, 0.1])
    log_parts, a, b = law.parameters
    r = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
    width = 1 - 2 * END
    beta = Beta(a, b).log_prob((r - END) / width) - torch.tensor(width).log()
    torch.testing.assert_close(log_prob(law, r), log_parts[..., 2] + beta)
    ends = log_prob(law, torch.tensor([0.0, 1.0], dtype=torch.float64))
    torch.testing.assert_close(ends, log_parts[0, :2])


@settings(max_examples=80, deadline=None)
@given(names, extreme, st.sampled_from([0.0, 1.0, 0.5]))
def test_reward_distribution_is_finite_for_extreme_outputs(name, outputs, r):
    """In float32, as networks compute."""
    kind = HEADS[name]
    for ask in ("mean", "std", "log_prob", "score"):
        x = torch.tensor(outputs[: kind.outputs]).expand(1, -1).clone().requires_grad_()
        found = getattr(kind(x), ask)
        found = found if isinstance(found, torch.Tensor) else found(torch.tensor([r]))
        (gradient,) = torch.autograd.grad(found.sum(), x)
        assert found.isfinite().all(), (ask, found)
        assert gradient.isfinite().all(), (ask, gradient)


@settings(max_examples=150, deadline=None)
@given(names, st.lists(st.one_of(raw, extreme), min_size=1, max_size=5))
def test_reward_prediction_std_is_attainable(name, samples):
    """Of every distribution and mixture, in float32; with a gradient, for action searches."""
    kind = HEADS[name]
    rows = [outputs[: kind.outputs] for outputs in samples]
    x = torch.tensor(rows)[:, None, None].clone().requires_grad_()
    said = RewardPrediction(kind(x))
    assert (said.std > 0).all()
    assert (said.std <= (said.mean * (1 - said.mean)).clamp(min=0).sqrt() + 1e-3).all()
    (gradient,) = torch.autograd.grad(said.std.sum(), x)
    assert gradient.isfinite().all()


def test_reward_prediction_caps_std_of_wide_gaussian():
    """For a door 0.94 +- 0.50 was predicted; a reward of that mean deviates by 0.24 at most."""
    law = SoftBernoulli(torch.tensor([[[[2.0 + 2.75, 1.4]]]]))
    said = RewardPrediction(law)
    assert said.mean.item() == pytest.approx(0.94, abs=0.01)
    assert law.std.item() == pytest.approx(0.5, abs=0.02)
    assert said.std.item() == pytest.approx((0.94 * 0.06) ** 0.5, abs=0.01)


def test_ucb_uses_attainable_std():
    """With any kappa up to 1 no bound exceeds the largest attainable one."""
    wide = SoftBernoulli(torch.tensor([[[[6.0, 5.0], [0.0, 5.0]]]]))

    class Model:
        has_latent = False

        def embed(self, x):
            return torch.zeros(1, 1)

        def condition(self, embedding, tried):
            return None

        draw = condition

        def decode(self, state, actions):
            return RewardPrediction(wide)

    ucb = ACQUISITIONS["ucb"](Model(), None, 1.0, torch.Generator())
    bounds = ucb(torch.zeros(1, 2, 4))
    mean = wide.mean[0]
    torch.testing.assert_close(bounds, mean + (mean * (1 - mean)).sqrt())
    assert bounds.max() <= 0.5 + 0.5**0.5 + 1e-6


@pytest.mark.parametrize("name", sorted(HEADS))
def test_reward_distribution_fits_moments_of_data(name):
    """Rewards as doors give them: mostly zero, some partial, a few of one."""
    g = torch.Generator().manual_seed(0)
    part = torch.rand(500, generator=g)
    between = 0.2 + 0.5 * torch.rand(500, generator=g)
    r = torch.where(part < 0.6, 0.0, torch.where(part < 0.7, 1.0, between))
    x = torch.zeros(1, HEADS[name].outputs, requires_grad=True)
    optimizer = torch.optim.Adam([x], lr=0.1)
    for _ in range(200):
        loss = -HEADS[name](x.expand(500, -1)).score(r).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    law = HEADS[name](x)
    assert law.mean.item() == pytest.approx(r.mean().item(), abs=0.01)
    assert law.std.item() == pytest.approx(r.std().item(), abs=0.01)


def test_inflated_beta_has_best_likelihood_of_closed_doors():
    """The other distributions have no probability of exactly zero."""
    r = torch.cat([torch.zeros(60), torch.ones(10), torch.linspace(0.2, 0.7, 30)])
    beta = log_prob(InflatedBeta(torch.tensor([[-0.3, 0.9, 3.9, 4.0]])), r).mean()
    best = max(
        log_prob(SoftBernoulli(torch.tensor([[mean, std]])), r).mean()
        for mean in torch.linspace(-2, 3, 21)
        for std in torch.linspace(-4, 2, 21)
    )
    assert beta > best + 0.15


def test_reward_heads_start_with_low_mean():
    """Most actions achieve nothing."""
    for law in HEADS.values():
        assert 0.05 < law(torch.zeros(1, law.outputs)).mean.item() < 0.25


def test_soft_bernoulli_differs_from_gaussian_in_score_only():
    x, r = torch.randn(50, 2), torch.rand(50)
    assert torch.equal(SoftBernoulli(x).log_prob(r), PlainGaussian(x).log_prob(r))
    assert not torch.allclose(SoftBernoulli(x).score(r), PlainGaussian(x).score(r))


def test_reward_head_rejects_unknown_name():
    with pytest.raises(ConfigError, match="Did you mean 'gaussian'"):
        reward_head("gausian")
