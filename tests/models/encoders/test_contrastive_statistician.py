import math
from dataclasses import replace

import pytest
import torch

from doorlab.errors import ConfigError
from doorlab.models.encoders.contrastive_statistician import ContrastiveStatistician
from doorlab.models.encoders.statistician import NeuralStatistician


@pytest.fixture
def architecture(small):
    return replace(small, contrast_weight=0.5)


@pytest.fixture
def model(architecture):
    torch.manual_seed(0)
    return ContrastiveStatistician(32, architecture)


def _loss(model, frames):
    torch.manual_seed(1)
    return model.loss(frames)


def test_loss_adds_weighted_contrast_to_loss_of_plain_statistician(model, architecture, frames):
    plain = NeuralStatistician(32, architecture)
    plain.load_state_dict(model.state_dict(), strict=False)
    loss, scalars = _loss(model, frames)
    expected, _ = _loss(plain, frames)
    torch.testing.assert_close(loss, expected + 0.5 * scalars["contrast"])


def test_embeddings_and_reconstructions_are_those_of_plain_statistician(
    model, architecture, frames
):
    plain = NeuralStatistician(32, architecture)
    plain.load_state_dict(model.state_dict(), strict=False)
    for name in ("embed", "embed_frames", "reconstruct"):
        torch.testing.assert_close(getattr(model, name)(frames), getattr(plain, name)(frames))


def test_contrast_of_a_door_counts_it_and_its_mirror_image(model, frames, monkeypatch):
    sizes = []

    def found(a, b, sharpness):
        sizes.append((len(a), len(b)))
        return a.sum() * 0.0, a.sum().detach()

    monkeypatch.setattr("doorlab.models.encoders.contrastive_statistician.info_nce", found)
    model.loss(frames)
    assert sizes == [(8, 8)]  # 4 doors and 4 mirror images


@pytest.mark.parametrize(("wanted", "given", "used"), [(1, 6, 1), (2, 6, 2), (9, 6, 3), (2, 3, 1)])
def test_contrast_compares_disjoint_sets_of_frames(
    architecture, frames, monkeypatch, wanted, given, used
):
    model = ContrastiveStatistician(32, replace(architecture, contrast_frames=wanted))
    x = torch.cat([frames, frames * 0.5], dim=1)[:, :given]
    x = x + 0.001 * torch.arange(given).view(1, -1, 1, 1, 1)  # frames differ from each other
    sets = []
    original = model.door_contrast
    monkeypatch.setattr(
        model, "door_contrast", lambda one, other: sets.append((one, other)) or original(one, other)
    )
    model.loss(x)
    ((one, other),) = sets
    assert one.shape[1] == other.shape[1] == used
    together = torch.cat([one, other], dim=1)
    for door, chosen in zip(x, together, strict=True):
        at = [int((door == frame).flatten(1).all(dim=1).nonzero()) for frame in chosen]
        assert len(set(at)) == 2 * used


def test_contrast_teaches_encoder_to_match_doors_and_sides(architecture):
    """Trained on the contrast alone, the encoder finds each door among others and mirror images."""
    torch.manual_seed(0)
    model = ContrastiveStatistician(32, architecture)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    x = torch.full((4, 6, 3, 32, 32), 0.2)
    for door, height in enumerate((4, 10, 16, 24)):  # a bar to the left, of a height per door
        x[door, ..., 4 : 4 + height, 3:11] = 0.9
    losses = []
    for _ in range(100):
        loss, found = model.door_contrast(x[:, :3], x[:, 3:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * math.log(8)  # log 8 is chance level: 4 doors, 4 mirror images
    assert found >= 0.75


def test_loss_trains_every_weight(model, frames):
    loss, scalars = model.loss(torch.cat([frames, frames.flip(1)], dim=1))
    loss.backward()
    still = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still
    assert all(torch.isfinite(value) for value in scalars.values())


def test_loss_rejects_one_frame(model, frames):
    with pytest.raises(ConfigError, match="--frames 2"):
        model.loss(frames[:, :1])
