"""Against PyTorch's attention on one sequence of tokens, and properties of the context set."""

from dataclasses import replace

import pytest
import torch
from helpers.small_models import SMALL
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from doorlab.errors import ConfigError
from doorlab.models.processes.transformer_np import TransformerProcess
from doorlab.nn.attention import TransformerLayer
from doorlab.nn.context_sets import InteractionSet

E_DIM, HEADS = 6, 4


def process(**changes) -> TransformerProcess:
    torch.manual_seed(0)
    return TransformerProcess(E_DIM, replace(SMALL, **changes)).eval()


def random_sets(doors: int, members: int, targets: int):
    generator = torch.Generator().manual_seed(members)

    def uniform(*shape):
        return torch.rand(*shape, generator=generator)

    context = InteractionSet.all(2 * uniform(doors, members, 4) - 1, uniform(doors, members))
    return uniform(doors, E_DIM), context, 2 * uniform(doors, targets, 4) - 1


def reference_attention(layer: TransformerLayer, features: int) -> nn.MultiheadAttention:
    """PyTorch's attention with the weights of a layer; its bias of the keys is the added member."""
    own = layer.attention
    attention = nn.MultiheadAttention(features, HEADS, add_bias_kv=True, batch_first=True)
    parts = (own.to_query, own.to_key, own.to_value)
    weights = {
        "in_proj_weight": torch.cat([part.weight for part in parts]),
        "in_proj_bias": torch.cat([part.bias for part in parts]),
        "bias_k": own.null_key.reshape(1, 1, features),
        "bias_v": own.nothing_value.reshape(1, 1, features),
        "out_proj.weight": own.output.weight,
        "out_proj.bias": own.output.bias,
    }
    attention.load_state_dict(weights)
    return attention


def reference_outputs(model: TransformerProcess, embedding, context, at) -> torch.Tensor:
    """One sequence of all tokens per door, with the mask of the published code."""
    seen, features = context.rewards.shape[1], model.token.out_features
    scale, shift = model.modulation(model.whiten(embedding))[:, None].chunk(2, dim=-1)
    actions = torch.cat([context.actions, at], dim=1)
    phi = torch.pi * actions[..., :1]
    places = torch.cat([phi.sin(), phi.cos(), actions[..., 1:]], dim=-1)
    known = (torch.arange(actions.shape[1]) < seen).float().expand(len(at), -1)
    rewards = torch.cat([context.rewards, torch.zeros(at.shape[:2])], dim=1)
    inputs = torch.cat([places, rewards[..., None], known[..., None]], dim=-1)
    h = model.read(model.token(inputs) * (1 + scale) + shift)
    for layer in model.layers:
        mask = torch.cat([context.mask, torch.zeros(at.shape[:2], dtype=torch.bool)], dim=1)
        ignored = torch.zeros(mask.shape).masked_fill(~mask, -torch.inf)
        blocked = ignored[:, None].expand(-1, mask.shape[1], -1).repeat_interleave(HEADS, dim=0)
        x = layer.norm(h)
        h = h + reference_attention(layer, features)(x, x, x, attn_mask=blocked)[0]
        h = h + layer.feedforward(h)
    return model.output(h)[:, seen:]


def test_transformer_equals_attention_on_one_sequence(batch):
    """For context sets of 0, 1, 3 and 5 interactions in one batch."""
    model = process()
    e = torch.randn(4, E_DIM, generator=torch.Generator().manual_seed(2))
    law = model.predictive(model.condition(e, batch.context), batch.at_BTA)
    expected = reference_outputs(model, e, batch.context, batch.at_BTA)
    torch.testing.assert_close(law.raw, expected[None], atol=1e-5, rtol=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_transformer_prediction_is_independent_of_order_and_other_targets(data):
    members = data.draw(st.integers(0, 6), label="interactions")
    targets = data.draw(st.integers(1, 5), label="targets")
    order = data.draw(st.permutations(range(members)), label="order")
    chosen = data.draw(st.lists(st.integers(0, targets - 1), min_size=1), label="chosen")
    model = process(head="inflated_beta")
    e, context, at = random_sets(2, members, targets)
    mixed = InteractionSet.all(context.actions[:, order], context.rewards[:, order])
    whole = model.predict(e, context, at)
    part = model.predict(e, mixed, at[:, chosen])
    torch.testing.assert_close(part.mean, whole.mean[:, chosen])
    torch.testing.assert_close(part.std, whole.std[:, chosen])


def test_transformer_distinguishes_reward_zero_from_unknown_reward():
    e, context, at = random_sets(1, 1, 1)
    failed = replace(context, actions=at, rewards=torch.zeros(1, 1))
    model = process()
    unknown = model.predict(e, InteractionSet.nothing(at), at)
    assert (model.predict(e, failed, at).mean - unknown.mean).abs().item() > 1e-4


def test_transformer_gradients_are_finite_for_empty_context():
    model = process()
    e, context, at = random_sets(3, 0, 2)
    score, _ = model.score(e, context, at, torch.rand(3, 2))
    score.mean().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())
    assert model.token.weight.grad is not None


def test_transformer_learns_from_context():
    """All actions on a door have the same reward, a coin toss that only the context set shows."""
    model = process(hidden=32, head="gaussian").train()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(0)
    e = torch.zeros(32, E_DIM)

    def error(seen: int) -> torch.Tensor:
        a = 2 * torch.rand(32, 6, 4, generator=generator) - 1
        r = torch.randint(2, (32, 1), generator=generator).float().expand(32, 6)
        context = InteractionSet.all(a[:, :3], r[:, :3]).first(seen)
        return (model.predict(e, context, a[:, 3:]).mean - r[:, 3:]).square().mean()

    for step in range(50):
        optimizer.zero_grad()
        error(step % 4).backward()
        optimizer.step()
    with torch.no_grad():
        errors = [error(seen).item() for seen in (0, 1, 3)]
    assert errors[0] > 0.2  # the variance of a coin toss is 0.25
    assert max(errors[1:]) < 0.02


def test_transformer_rejects_indivisible_heads(small):
    with pytest.raises(ConfigError, match="attention heads that divides"):
        TransformerProcess(E_DIM, replace(small, attention_heads=3))
