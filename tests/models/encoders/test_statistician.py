import math
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import silu

from doorlab.errors import ConfigError
from doorlab.models.encoders.statistician import NeuralStatistician
from doorlab.nn.gaussian import sample
from doorlab.objectives.bounds import log_ratio


@pytest.fixture
def model(small):
    torch.manual_seed(0)
    return NeuralStatistician(32, small)


@pytest.fixture
def layered(small):
    torch.manual_seed(0)
    return NeuralStatistician(32, replace(small, instance_layers=2))


def test_statistician_has_expected_shapes(model, frames, small):
    assert model.embed(frames).shape == (4, small.context_dim)
    assert model.embed_frames(frames).shape == (4, 3, small.instance_dim)
    assert model.reconstruct(frames).shape == frames.shape
    assert model.sample(5, 2).shape == (5, 2, 3, 32, 32)
    assert model.new_frames(model.embed(frames), 7).shape == (4, 7, 3, 32, 32)


def test_statistician_is_invariant_to_frame_order(model, frames):
    order = torch.tensor([2, 0, 1])
    torch.testing.assert_close(model.embed(frames[:, order]), model.embed(frames))
    of_frames = model.embed_frames(frames)
    torch.testing.assert_close(model.embed_frames(frames[:, order]), of_frames[:, order])


def test_statistician_accepts_any_number_of_frames(model, frames):
    assert model.embed(frames[:, :1]).shape == model.embed(frames).shape
    twice = torch.cat([frames, frames], dim=1)  # the same set, seen twice, is the same door
    torch.testing.assert_close(model.embed(twice), model.embed(frames), atol=1e-5, rtol=1e-4)


def test_statistician_frame_embedding_depends_on_other_frames(model, frames):
    other = frames.clone()
    other[:, 1:] = 1 - other[:, 1:]
    changed = model.embed_frames(other)[:, 0] - model.embed_frames(frames)[:, 0]
    assert changed.abs().max() > 1e-6


def test_statistician_treats_doors_independently(model, frames):
    torch.testing.assert_close(
        model.embed(frames[:1]), model.embed(frames)[:1], atol=1e-5, rtol=1e-4
    )


def test_statistician_new_frames_share_door(model, frames):
    """With c fixed, frames differ by z only: less than frames of different doors do."""
    with torch.no_grad():
        c = 3 * torch.randn(6, model.embedding_dim, generator=torch.Generator().manual_seed(3))
        drawn = model.new_frames(c, 8, torch.Generator().manual_seed(1))
    within = drawn.var(dim=1).mean()
    between = drawn.mean(dim=1).var(dim=0).mean()
    assert between > within


def test_statistician_loss_is_negative_elbo(model, frames, small):
    """Against torch.distributions, with the same noise."""
    torch.manual_seed(5)
    loss, scalars = model.loss(frames)
    torch.manual_seed(5)
    h = model.encoder(frames)
    c = model.infer_context(h)
    c_sample = c.mean + c.stddev * torch.randn(c.mean.shape)
    z = model.infer_instances(h, c_sample)
    z_sample = z.mean + z.stddev * torch.randn(z.mean.shape)
    prior = model.prior_z(c_sample)
    prior = torch.distributions.Normal(prior.mean[:, None], prior.stddev[:, None])
    kl_z = torch.distributions.kl_divergence(z, prior).sum(-1)
    unit = torch.distributions.Normal(torch.zeros_like(c.mean), torch.ones_like(c.mean))
    kl_c = torch.distributions.kl_divergence(c, unit).sum(-1)
    mean = model.decode(c_sample, z_sample)
    likelihood = torch.distributions.Normal(mean, small.likelihood_std).log_prob(frames)
    likelihood = likelihood.sum((-1, -2, -3))
    bound = (likelihood - small.beta_z * kl_z).sum(1) - small.beta_c * kl_c
    expected = -bound.mean() / (3 * 3 * 32 * 32)
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(scalars["kl_c"], kl_c.mean())


@pytest.mark.parametrize("layers", [1, 3])
def test_statistician_trains_every_weight(small, frames, layers):
    model = NeuralStatistician(32, replace(small, instance_layers=layers))
    model.loss(frames)[0].backward()
    still = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []


def test_two_layer_statistician_loss_is_negative_elbo(layered, frames, small):
    """Against torch.distributions, with the same noise: every layer given the one above."""
    torch.manual_seed(5)
    loss, scalars = layered.loss(frames)
    torch.manual_seed(5)
    normal, divergence = torch.distributions.Normal, torch.distributions.kl_divergence

    def draw(q):
        return q.mean + q.stddev * torch.randn(q.mean.shape)

    h, (lower,) = layered.encoder(frames), layered.below
    c = layered.infer_context(h)
    c_sample = draw(c)
    z2 = layered.infer_instances(h, c_sample)
    z2_sample = draw(z2)
    shared = c_sample[:, None].expand(-1, 3, -1)
    z1 = lower.to_z(torch.cat([silu(h), shared, z2_sample], dim=-1))
    z1_sample = draw(z1)
    p2, p1 = layered.prior_z(shared), lower.prior_z(torch.cat([shared, z2_sample], dim=-1))
    kl_z = divergence(z2, p2).sum(-1) + divergence(z1, p1).sum(-1)
    kl_c = divergence(c, normal(torch.zeros_like(c.mean), 1.0)).sum(-1)
    seen = torch.cat([shared, z2_sample, z1_sample], dim=-1)
    decoded = layered.decoder(layered.from_latents(seen))
    likelihood = normal(decoded, small.likelihood_std).log_prob(frames).sum((-1, -2, -3))
    expected = -((likelihood - kl_z).sum(1) - kl_c).mean() / (3 * 3 * 32 * 32)
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(scalars["kl_z"], kl_z.mean())


def test_two_layer_divergences_match_sampled_log_ratios(layered, frames):
    """E_q[log p(z2, z1 | c) - log q(z2, z1 | x, c)] = -E_q[the sum of both KLs]."""
    with torch.no_grad():
        h, c = layered.encode_frames(frames[:1]), layered.embed(frames[:1])
        states = layered.infer_states(h.expand(20_000, -1, -1), c.expand(20_000, -1), sample)
        kl = torch.distributions.kl_divergence(states.posterior, states.prior).sum(-1)
        off = kl + log_ratio(states.z, states.prior, states.posterior)
    assert kl.mean() > 0.1
    assert (off.mean(0).abs() < 4 * off.std(0) / 20_000**0.5).all()


def test_two_layer_lower_state_depends_on_upper_state(layered, frames, small):
    assert layered.embed_frames(frames).shape == (4, 3, 2 * small.instance_dim)
    assert layered.reconstruct(frames).shape == layered.new_frames(torch.zeros(4, 6), 3).shape
    h, c = layered.encode_frames(frames), layered.embed(frames)
    high, low = (layered.infer_states(h, c, lambda q, s=s: q.mean + s * q.stddev) for s in (1, -1))
    for one, other in ((high.posterior, low.posterior), (high.prior, low.prior)):
        torch.testing.assert_close(one.mean[..., :2], other.mean[..., :2])
        assert (one.mean - other.mean)[..., 2:].abs().max() > 1e-3


def test_statistician_layers_add_parameters_and_rename_none(model, layered):
    few, many = model.state_dict(), layered.state_dict()
    assert [name for name in many if name not in few] == [
        name for name in many if name.startswith("below.0.")
    ]
    assert few.keys() < many.keys()
    assert not any(name.startswith("below") for name in few)


def test_free_nats_stop_gradient_to_prior(small, frames):
    """The prior of z learns from KL(z) alone, which costs nothing below what is free."""
    grown = []
    for free in (0.0, 1e3):
        torch.manual_seed(0)
        model = NeuralStatistician(32, replace(small, free_nats=free, instance_layers=2))
        torch.manual_seed(1)
        loss, scalars = model.loss(frames)
        loss.backward()
        priors = [p.grad for n, p in model.named_parameters() if "prior_z" in n]
        assert all(bool(grad.any()) == (free == 0.0) for grad in priors)
        grown.append((loss.item() - free * 2 * 2 / 3072 - free * 6 / 3 / 3072, scalars))
    kl = (grown[0][1]["kl_z"] + grown[0][1]["kl_c"] / 3).item() / 3072
    assert grown[0][0] == pytest.approx(grown[1][0] + kl, abs=1e-4)
    assert grown[0][1] == grown[1][1]  # what is logged are the true divergences


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"instance_layers": 0}, "instance-layers as a whole number of 1"),
        ({"free_nats": -0.1}, "free-nats as a finite number of 0"),
        ({"beta_c": math.nan}, "beta-c as a finite number of 0"),
    ],
)
def test_architecture_rejects_negative_values(small, wrong, message):
    with pytest.raises(ConfigError, match=message):
        replace(small, **wrong)


def test_statistician_learns_to_separate_doors(small):
    """Doors are colors, frames are brightnesses: c separates doors better than chance."""
    torch.manual_seed(0)
    model = NeuralStatistician(32, replace(small, features=48, beta_z=1.0))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(0)

    def doors(count):
        color = torch.rand(count, 1, 3, 1, 1, generator=generator)
        light = 0.5 + 0.5 * torch.rand(count, 4, 1, 1, 1, generator=generator)
        return (color * light).expand(-1, -1, -1, 32, 32), color.flatten(1)

    first = model.loss(doors(64)[0])[0].item()
    for _ in range(150):
        loss, _ = model.loss(doors(16)[0])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < first - 0.5
    x, color = doors(200)
    with torch.no_grad():
        c = torch.cat([model.embed(x), torch.ones(200, 1)], dim=1)
    fit = torch.linalg.lstsq(c[:100], color[:100]).solution
    residual = (c[100:] @ fit - color[100:]).square().mean() / color[100:].var()
    assert residual < 0.4  # chance is 1
