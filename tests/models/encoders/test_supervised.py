"""The upper bound of the probes: its labels are the targets of the probes, and it fits them."""

import pytest
import torch

from doorlab.evaluation.probes import TARGETS
from doorlab.models.encoders.supervised import CATEGORIES, NUMBERS, PER_FRAME, Supervised


@pytest.fixture
def model(small):
    torch.manual_seed(0)
    return Supervised(32, small)


@pytest.fixture
def answers():
    generator = torch.Generator().manual_seed(3)
    told = {name: torch.tensor([0.0, 1.0, 1.0, 0.0]) for name in CATEGORIES}
    told |= {name: torch.randn(4, generator=generator) for name in NUMBERS}
    return {**told, PER_FRAME: torch.randn(4, 3, generator=generator)}


def test_supervised_encoder_labels_equal_probe_targets():
    kinds = {name: ("frame" if t.per_frame else t.kind) for name, t in TARGETS.items()}
    told = dict.fromkeys(CATEGORIES, "binary") | dict.fromkeys(NUMBERS, "continuous")
    assert {**told, PER_FRAME: "frame"} == kinds


def test_supervised_encoder_has_expected_shapes(model, frames, small):
    assert model.embed(frames).shape == (4, small.context_dim)
    assert model.embed_frames(frames).shape == (4, 3, small.instance_dim)


def test_supervised_encoder_is_invariant_to_frame_order(model, frames):
    turned = model.embed(frames.flip(1))
    torch.testing.assert_close(turned, model.embed(frames), atol=1e-5, rtol=1e-4)


def test_supervised_loss_is_cross_entropy_and_half_squared_error(model, frames, answers):
    loss, scalars = model.loss(frames, answers)
    heads = model.door_heads(model.embed(frames))
    chances = torch.distributions.Bernoulli(logits=heads[:, : len(CATEGORIES)])
    told = torch.stack([answers[name] for name in CATEGORIES], dim=1)
    expected = -chances.log_prob(told).mean(0).sum()
    for i, name in enumerate(NUMBERS, len(CATEGORIES)):
        expected = expected + 0.5 * torch.nn.functional.mse_loss(heads[:, i], answers[name])
    angles = model.frame_head(model.embed_frames(frames))[..., 0]
    expected = expected + 0.5 * torch.nn.functional.mse_loss(angles, answers[PER_FRAME])
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(sum(scalars.values()), loss.detach())


def test_supervised_loss_ignores_missing_angles(model, frames, answers):
    angles = answers[PER_FRAME]
    partly = {**answers, PER_FRAME: torch.cat([angles[:2], torch.full((2, 3), torch.nan)])}
    found = model.frame_head(model.embed_frames(frames))[:2, :, 0]
    expected = 0.5 * torch.nn.functional.mse_loss(found, angles[:2])
    torch.testing.assert_close(model.loss(frames, partly)[1][PER_FRAME], expected.detach())
    nothing = {**answers, PER_FRAME: torch.full((4, 3), torch.nan)}
    loss, scalars = model.loss(frames, nothing)
    loss.backward()
    assert scalars[PER_FRAME] == 0
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_supervised_encoder_fits_labels(model, frames, answers):
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    first = model.loss(frames, answers)[0].item()
    for _ in range(40):
        optimizer.zero_grad()
        loss, _ = model.loss(frames, answers)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.2 * first
