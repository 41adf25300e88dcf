"""Properties of every model in `doorlab.models.reward`, whatever its encoder."""

from dataclasses import replace

import pytest
import torch

from doorlab.models.processes.reward_distributions import HEADS
from doorlab.models.registry import (
    REWARD_MODELS,
    build_model,
    reward_model_spec,
    set_pretrained,
)
from doorlab.nn.context_sets import InteractionSet, RewardBatch
from doorlab.objectives.reward_likelihoods import sampled_loss

JOINT = [name for name in REWARD_MODELS if reward_model_spec(name).joint]
FROZEN = [name for name in REWARD_MODELS if reward_model_spec(name).frozen_encoder]


@pytest.fixture(params=sorted(REWARD_MODELS))
def kind(request):
    return request.param


@pytest.fixture
def model(kind, small):
    torch.manual_seed(0)
    return build_model(kind, 32, small)


def test_reward_model_predicts_from_frames(model, batch, small):
    model.eval()
    embedding = model.embed(batch.x_BMCHW)
    assert embedding.shape[0] == 4
    args = (batch.context, batch.at_BTA)
    said = model.predict(embedding, *args)
    assert said.mean.shape == said.std.shape == batch.rt_BT.shape
    assert torch.equal(model.predict_from_frames(batch.x_BMCHW, *args).mean, said.mean)
    if model.has_latent:
        drawn = model.sample_functions(embedding, *args, torch.Generator().manual_seed(3))
        state = model.condition(embedding, args[0])
        state = model.draw(state, torch.Generator().manual_seed(3))
        assert torch.equal(model.decode(state, batch.at_BTA).mean, drawn)


def test_reward_model_is_invariant_to_frame_order(model, frames):
    model.eval()
    torch.testing.assert_close(model.embed(frames[:, [2, 0, 1]]), model.embed(frames))


def test_reward_model_loss_trains_process_and_encoder(model, kind, batch):
    loss, scalars = model.loss(batch)
    loss.backward()
    assert loss.isfinite()
    assert 0 <= scalars["reward_mse"] <= 1
    learns = {n for n, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert any(name.startswith("process.") for name in learns)
    frozen = {n for n in learns if n.startswith("pretrained.")}
    assert not frozen
    if kind not in FROZEN:
        assert any("encoder" in name and not name.startswith("process") for name in learns)


@pytest.mark.parametrize("name", JOINT)
def test_ssnp_joint_loss_is_sum_of_its_terms(name, small, batch, frames):
    """Frames alone train the encoder and the decoder."""
    torch.manual_seed(0)
    model = build_model(name, 32, small)
    torch.manual_seed(1)
    loss, scalars = model.joint_loss(batch, frames)
    torch.manual_seed(1)
    reward = model.loss(batch)[0]
    elbo_loss = model.statistician.loss(frames)[0]
    torch.testing.assert_close(loss, reward + small.reconstruction_weight * elbo_loss)
    torch.testing.assert_close(scalars["reward_loss"], reward)
    loss.backward()
    still = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []


@pytest.mark.parametrize("name", FROZEN)
def test_frozen_encoder_is_pretrained_model(name, small, frames, batch):
    torch.manual_seed(3)
    base = build_model(reward_model_spec(name).pretrained, 32, small)
    model = build_model(name, 32, small)
    set_pretrained(model, name, base)
    torch.testing.assert_close(model.embed(frames), base.embed(frames))
    before = {k: v.clone() for k, v in model.pretrained.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    model.train()
    assert not model.pretrained.training
    model.loss(batch)[0].backward()
    optimizer.step()
    assert all(torch.equal(v, before[k]) for k, v in model.pretrained.state_dict().items())


@pytest.mark.parametrize(
    ("kind", "head"),
    [(kind, "soft_bernoulli") for kind in sorted(REWARD_MODELS)]
    + [("np", head) for head in sorted(HEADS.keys() - {"soft_bernoulli"})],
)
def test_reward_model_overfits_two_doors(kind, head, small, batch):
    """Rewards of two doors that differ only in their images, and a little in what was tried."""
    torch.manual_seed(0)
    model = build_model(kind, 32, replace(small, hidden=32, head=head))
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=4e-3)
    rewards = (batch.rt_BT[0] > 0.5).float() * torch.tensor([0.0, 1, 1, 0.3, 0, 1])
    two = RewardBatch(
        InteractionSet(**{name: value[[0, 3]] for name, value in vars(batch.context).items()}),
        at_BTA=batch.at_BTA[:1].expand(2, -1, -1),
        rt_BT=torch.stack([rewards, 1 - rewards]),
        x_BMCHW=batch.x_BMCHW[[0, 3]],
    )
    for _ in range(150):
        loss, scalars = model.loss(two)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if scalars["reward_mse"] < 0.01:
            break
    assert scalars["reward_mse"] < 0.01  # a model that ignored the door: 0.25 and more


@pytest.mark.parametrize("name", ["np", "attentive_np"])
def test_process_learns_from_context(name, small):
    """Doors are a hidden sign that no image shows: only a context can tell it."""
    torch.manual_seed(0)
    model = build_model(name, 32, replace(small, hidden=64)).process
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    generator = torch.Generator().manual_seed(0)
    e = torch.randn(64, small.context_dim, generator=generator)

    def draw(seen):
        sign = torch.randint(2, (64, 1), generator=generator).float() * 2 - 1
        a = 2 * torch.rand(64, 10, 4, generator=generator) - 1
        r = 0.5 + 0.45 * sign * a[..., 2].sign()
        mask = (torch.arange(4) < seen).expand(64, 4)
        return InteractionSet(a[:, :4], r[:, :4] * mask, mask), a[:, 4:], r[:, 4:]

    def error(seen):
        tried, at, rt = draw(seen)
        with torch.no_grad():
            return (model.eval().predict(e, tried, at).mean - rt).square().mean().item()

    for step in range(500):
        tried, at, rt = draw(step % 5)
        score, _ = model.train().score(e, tried, at, rt)
        loss = sampled_loss(score)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 50 == 49 and error(4) < 0.06:
            break
    assert error(0) > 0.15  # a coin toss: the variance is 0.2
    assert error(4) < 0.08
