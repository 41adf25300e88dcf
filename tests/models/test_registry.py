import pickle
from dataclasses import replace

import pytest
import torch

from doorlab.errors import ConfigError
from doorlab.models.encoders.base import DoorEncoder, SamplesFrames
from doorlab.models.registry import (
    CONTEXT_FREE,
    ENCODERS,
    REWARD_MODELS,
    STATISTICIANS,
    build_model,
    encoder_spec,
    is_reward_model,
    reward_model_spec,
    set_pretrained,
)
from doorlab.models.reward.base import RewardModel


@pytest.mark.parametrize("kind", ENCODERS)
def test_encoder_spec_describes_its_model(kind, small):
    spec, model = encoder_spec(kind), build_model(kind, 32, small)
    assert isinstance(model, DoorEncoder)
    assert hasattr(model, "fit") == spec.closed_form
    assert hasattr(model, "loss") != spec.closed_form
    assert any(p.requires_grad for p in model.parameters()) != spec.closed_form
    assert isinstance(model, SamplesFrames) == model.has_context == (kind in STATISTICIANS)
    assert not is_reward_model(kind)


@pytest.mark.parametrize("kind", REWARD_MODELS)
def test_reward_model_spec_describes_its_model(kind, small):
    spec, model = reward_model_spec(kind), build_model(kind, 32, small)
    assert isinstance(model, RewardModel)
    assert model.has_latent == spec.has_latent
    assert hasattr(model, "joint_loss") == spec.joint
    assert (model.pretrained_encoder is not None) == (spec.pretrained is not None)
    if spec.pretrained is not None:
        assert type(model.pretrained_encoder) is type(build_model(spec.pretrained, 32, small))
    assert is_reward_model(kind)


@pytest.mark.parametrize(("of", "name"), [(encoder_spec, "ssnp"), (reward_model_spec, "vae")])
def test_specs_of_other_stage_are_rejected(of, name):
    with pytest.raises(ConfigError, match=f"a model out of .*, but got '{name}'"):
        of(name)


def test_context_free_encoders_embed_frames_independently(small, frames):
    for kind in CONTEXT_FREE:
        model = build_model(kind, 32, small).eval()
        alone = model.embed_frames(frames[:, :1])
        torch.testing.assert_close(alone, model.embed_frames(frames)[:, :1], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", sorted({*ENCODERS, *REWARD_MODELS} - {"pca"}))
def test_build_model_is_deterministic_given_seed(kind, small):
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


@pytest.mark.parametrize("kind", sorted((*ENCODERS, *REWARD_MODELS)))
def test_model_is_picklable(kind, small, frames):
    model = build_model(kind, 32, small).eval()
    other = pickle.loads(pickle.dumps(model))
    assert torch.equal(model.embed(frames), other.embed(frames))


@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("kind", ["statistician", "contrastive_statistician", "vae", "autoencoder"])
def test_model_learns_images_of_128_pixels(kind, size, small):
    """Doors are colors, their frames brightnesses."""
    torch.manual_seed(0)
    model = build_model(kind, 128, replace(small, encoder_resolution=size))
    color = torch.rand(4, 1, 3, 1, 1, generator=torch.Generator().manual_seed(0))
    light = torch.tensor([0.5, 1.0]).view(2, 1, 1, 1)
    x = (color * light).expand(-1, -1, -1, 128, 128)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    rebuilt = model.reconstruct(x)
    assert rebuilt.shape == x.shape
    first = (rebuilt - x).square().mean().item()
    for step in range(40):
        optimizer.zero_grad()
        loss, _ = model.loss(x)
        loss.backward()
        optimizer.step()
        if step % 5 == 4:
            model.eval()
            error = (model.reconstruct(x) - x).square().mean().item()
            if error < 0.9 * first:
                break
            model.train()
    assert error < 0.9 * first
    # Squares of 2 pixels average to grey at 32 pixels, and are seen at 64.
    side = torch.arange(128) // 2 % 2
    grey, squares = torch.full_like(x, 0.5), (0.35 + 0.3 * (side[:, None] ^ side)).expand_as(x)
    moved = (model.embed(squares) - model.embed(grey)).abs().max()
    assert (moved > 1e-4) == (size == 64)


def test_build_model_suggests_known_name(small):
    with pytest.raises(ConfigError, match="Did you mean 'ssnp'"):
        build_model("snp", 32, small)


def test_build_model_rejects_invalid_image_size(small):
    with pytest.raises(ConfigError, match="image size"):
        build_model("np", 48, small)


def test_set_pretrained_rejects_other_model(small):
    model = build_model("vae_np", 32, small)
    with pytest.raises(ConfigError, match="a pretrained vae for vae_np"):
        set_pretrained(model, "vae_np", build_model("statistician", 32, small))
    model = build_model("contrastive_ssnp", 32, small)
    with pytest.raises(ConfigError, match="a pretrained contrastive_statistician for contr"):
        set_pretrained(model, "contrastive_ssnp", build_model("statistician", 32, small))
    with pytest.raises(ConfigError):
        set_pretrained(build_model("np", 32, small), "np", build_model("vae", 32, small))
