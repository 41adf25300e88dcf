import pickle
from dataclasses import replace

import pytest
import torch

from doorlab.errors import ConfigError
from doorlab.models.registry import (
    CONTEXT_FREE,
    PRETRAINED,
    REWARD_MODELS,
    STEPLESS,
    TOLD,
    build_model,
    set_pretrained,
)


def test_every_kind_of_model_learns_in_the_way_that_the_registry_says(small, frames):
    assert set(CONTEXT_FREE) | STEPLESS | TOLD <= set(PRETRAINED)
    for kind in PRETRAINED:
        model = build_model(kind, 32, small)
        assert hasattr(model, "fit") == (kind in STEPLESS)
        assert hasattr(model, "loss") != (kind in STEPLESS)
        assert any(p.requires_grad for p in model.parameters()) != (kind in STEPLESS)
    for kind in CONTEXT_FREE:  # a context-free model's frames do not know of one another
        model = build_model(kind, 32, small).eval()
        alone = model.embed_frames(frames[:, :1])
        torch.testing.assert_close(alone, model.embed_frames(frames)[:, :1], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", sorted({**PRETRAINED, **REWARD_MODELS}.keys() - {"pca"}))
def test_the_seed_decides_the_weights(kind, small):
    models = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        models.append(build_model(kind, 32, small).state_dict())
    assert all(
        torch.equal(a, b) for a, b in zip(models[0].values(), models[1].values(), strict=True)
    )
    assert not all(
        torch.equal(a, b) for a, b in zip(models[0].values(), models[2].values(), strict=True)
    )


@pytest.mark.parametrize("kind", sorted({**PRETRAINED, **REWARD_MODELS}))
def test_models_can_be_pickled(kind, small, frames):
    model = build_model(kind, 32, small).eval()
    other = pickle.loads(pickle.dumps(model))
    assert torch.equal(model.embed(frames), other.embed(frames))


@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("kind", ["statistician", "contrastive_statistician", "vae", "autoencoder"])
def test_pictures_of_128_pixels_are_learned(kind, size, small):
    """Doors are colours, their frames brightnesses."""
    torch.manual_seed(0)
    model = build_model(kind, 128, replace(small, encoder_resolution=size))
    colour = torch.rand(4, 1, 3, 1, 1, generator=torch.Generator().manual_seed(0))
    light = torch.tensor([0.5, 1.0]).view(2, 1, 1, 1)
    x = (colour * light).expand(-1, -1, -1, 128, 128)
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    first = (model.reconstruct(x) - x).square().mean().item()
    for _ in range(20):
        optimiser.zero_grad()
        loss, _ = model.loss(x)
        loss.backward()
        optimiser.step()
    rebuilt = model.eval().reconstruct(x)
    assert rebuilt.shape == x.shape
    assert (rebuilt - x).square().mean().item() < 0.9 * first
    # Squares of 2 pixels average to grey at 32 pixels, and are seen at 64.
    side = torch.arange(128) // 2 % 2
    grey, squares = torch.full_like(x, 0.5), (0.35 + 0.3 * (side[:, None] ^ side)).expand_as(x)
    moved = (model.embed(squares) - model.embed(grey)).abs().max()
    assert (moved > 1e-4) == (size == 64)


def test_unknown_names_are_answered_with_a_hint(small):
    with pytest.raises(ConfigError, match="did you mean 'ssnp'"):
        build_model("snp", 32, small)


def test_sizes_that_do_not_fit_are_refused(small):
    with pytest.raises(ConfigError, match="image size"):
        build_model("np", 48, small)


def test_another_base_is_refused(small):
    model = build_model("vae_np", 32, small)
    with pytest.raises(ConfigError, match="a pretrained vae for vae_np"):
        set_pretrained(model, "vae_np", PRETRAINED["statistician"](32, small))
    model = build_model("contrastive_ssnp", 32, small)
    with pytest.raises(ConfigError, match="a pretrained contrastive_statistician for contr"):
        set_pretrained(model, "contrastive_ssnp", PRETRAINED["statistician"](32, small))
    with pytest.raises(ConfigError):
        set_pretrained(build_model("np", 32, small), "np", PRETRAINED["vae"](32, small))
