"""A training step decodes a random part of the frames; its loss estimates that of all frames."""

from dataclasses import replace

import pytest
import torch

from doorlab.models.encoders.autoencoder import Autoencoder
from doorlab.models.encoders.disentangled_statistician import DisentangledStatistician
from doorlab.models.encoders.statistician import NeuralStatistician
from doorlab.models.encoders.vae import VAE

DECODING = pytest.mark.parametrize("encoder", [NeuralStatistician, VAE, Autoencoder])


def _pair(encoder, small):
    """A model that decodes every third frame, and the same one that decodes all."""
    part = encoder(32, replace(small, frame_decode_fraction=1 / 3))
    whole = encoder(32, small)
    whole.load_state_dict(part.state_dict())
    return part, whole


def _decoded(model, frames):
    """Number of images that the decoder makes for one loss."""
    shapes = []
    handle = model.decoder.register_forward_hook(lambda _m, _i, out: shapes.append(out.shape))
    model.loss(frames)
    handle.remove()
    return sum(shape[:-3].numel() for shape in shapes)


@DECODING
def test_decoder_gets_part_in_training_and_all_in_evaluation(encoder, small, frames):
    part, _ = _pair(encoder, small)
    assert _decoded(part.train(), frames) == 4
    assert _decoded(part.eval(), frames) == 12


def test_disentangled_statistician_decodes_part_of_each_half(small, frames):
    model = DisentangledStatistician(32, replace(small, decode_fraction=1.0, instance_dim=5))
    assert _decoded(model.train(), torch.cat([frames, frames], dim=1)) == 4 * 6
    model.architecture = replace(model.architecture, frame_decode_fraction=1 / 3)
    assert _decoded(model, torch.cat([frames, frames], dim=1)) == 4 * 2


@DECODING
def test_loss_of_decoded_part_is_unbiased(encoder, small, frames):
    part, whole = _pair(encoder, small)
    frames = frames * torch.tensor([0.2, 0.6, 1.0]).view(1, 3, 1, 1, 1)  # unequal likelihoods
    differences = []
    with torch.no_grad():
        for seed in range(200):
            losses = []
            for model in (part, whole):
                torch.manual_seed(seed)
                losses.append(model.loss(frames)[0])
            differences.append(losses[0] - losses[1])
    found = torch.stack(differences)
    error = found.std() / len(found) ** 0.5
    assert found.std() > 0
    assert found.mean().abs() < 4 * error


@pytest.mark.parametrize("encoder", [NeuralStatistician, VAE])
def test_frames_that_are_not_decoded_have_gradients(encoder, small, frames):
    """The KL term of a frame counts whether the frame is decoded or not."""
    part, _ = _pair(encoder, small)
    x = frames.clone().requires_grad_()
    part.loss(x)[0].backward()
    assert (x.grad.abs().sum(dim=(2, 3, 4)) > 0).all()
