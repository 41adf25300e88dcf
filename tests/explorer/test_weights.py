"""Inference in JavaScript against the same models in PyTorch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.small_networks import TINY

from doorlab.bandit.residual_gp import ResidualConfig, ResidualModel, bounded
from doorlab.errors import CheckpointError
from doorlab.explorer.weights import (
    LARGE,
    decoder_weights,
    packed,
    process_weights,
    residual_settings,
)
from doorlab.models.architecture import Architecture
from doorlab.models.encoders.statistician import NeuralStatistician
from doorlab.models.encoders.vae import VAE
from doorlab.models.processes.attentive_np import AttentiveProcess
from doorlab.models.processes.cnp import ConditionalNeuralProcess
from doorlab.models.processes.latent_np import LatentNeuralProcess
from doorlab.models.processes.transformer_np import TransformerProcess
from doorlab.nn.context_sets import InteractionSet

TOLERANCE = 1e-3


def perturbed(module):
    """The module in evaluation mode with other weights than the initial ones, zeros included."""
    generator = torch.Generator().manual_seed(1)
    for parameter in module.parameters():
        parameter.data += 0.02 * torch.randn(parameter.shape, generator=generator)
    return module.eval()


def given_to_process(network, embedding, actions, rewards, at):
    """The input of a process in JavaScript: of one door, its interactions, and query actions."""
    pairs = zip(actions[0].tolist(), rewards[0].tolist(), strict=True)
    return {
        "process": process_weights(network),
        "embedding": embedding[0].tolist(),
        "interactions": [{"action": action, "reward": reward} for action, reward in pairs],
        "at": at.flatten().tolist(),
    }


@pytest.mark.parametrize(
    ("image_size", "architecture"),
    [
        (32, TINY),
        (64, replace(TINY, instance_layers=2)),
        (96, replace(TINY, decoder_channels=(6, 5, 3))),
        (64, Architecture()),
    ],
)
def test_decoder_in_javascript_equals_torch(evaluate, image_size, architecture):
    torch.manual_seed(0)
    model = perturbed(NeuralStatistician(image_size, architecture))
    c, z = torch.randn(1, model.embedding_dim), torch.randn(1, model.instance_dim)
    with torch.no_grad():
        expected = model.decode(c, z[:, None])[0, 0].numpy()
    given = {"decoder": decoder_weights(model), "c": c[0].tolist(), "z": z[0].tolist()}
    found = evaluate(given, "makeDecoder(given.decoder)(given.c, given.z)")
    assert np.abs(np.reshape(found, expected.shape) - expected).max() <= TOLERANCE
    assert expected.std() > 0.05


@pytest.mark.parametrize("count", [0, 1, 5])
@pytest.mark.parametrize(
    ("process", "architecture"),
    [
        (LatentNeuralProcess, TINY),
        (LatentNeuralProcess, replace(TINY, aggregator="mean", head="gaussian")),
        (ConditionalNeuralProcess, replace(TINY, head="inflated_beta")),
        (AttentiveProcess, TINY),
        (AttentiveProcess, replace(TINY, attention_heads=2)),
        (LatentNeuralProcess, Architecture()),
    ],
)
def test_process_in_javascript_equals_torch(evaluate, process, architecture, count):
    torch.manual_seed(0)
    network = perturbed(process(7, architecture))
    network.whiten.fit(torch.randn(20, 7), 0.1, 0.0)
    embedding, at = torch.randn(1, 7), torch.rand(1, 9, 4) * 2 - 1
    actions, rewards = torch.rand(1, count, 4) * 2 - 1, torch.rand(1, count)
    with torch.no_grad():
        expected = network.predict(embedding, InteractionSet.all(actions, rewards), at)
    given = given_to_process(network, embedding, actions, rewards, at)
    found = evaluate(
        given,
        "(() => { const p = makeProcess(given.process);"
        " return p.predict(p.condition(given.embedding, given.interactions),"
        " p.featuresOf(given.at)); })()",
    )
    for name in ("mean", "std"):
        assert np.abs(found[name] - getattr(expected, name)[0].numpy()).max() <= TOLERANCE


class ProcessAsModel:
    """A process with the interface of a whole model, which it lacks."""

    def __init__(self, process):
        self.has_latent, self.condition = process.has_latent, process.condition
        self.draw, self.decode = process.draw, process.decode

    def embed(self, x):
        raise NotImplementedError


@pytest.mark.parametrize("count", [0, 1, 6])
@pytest.mark.parametrize(
    "config",
    [ResidualConfig(), ResidualConfig(phi=0.8, radius=0.3, swing=0.5, turn=2.0, noise=0.4)],
)
def test_corrected_predictions_in_javascript_equal_torch(evaluate, config, count):
    """Queries are random actions, the interactions' own actions, and actions close to them."""
    generator = torch.Generator().manual_seed(5)
    network = perturbed(LatentNeuralProcess(7, TINY))
    network.whiten.fit(torch.randn(20, 7, generator=generator), 0.1, 0.0)
    embedding = torch.randn(1, 7, generator=generator)
    actions = torch.rand(1, count, 4, generator=generator) * 2 - 1
    rewards = torch.linspace(1, 0, count)[None]  # an untrained model expects 0.1
    near = (actions + 0.05).clamp(-1, 1)
    at = torch.cat([torch.rand(1, 9, 4, generator=generator) * 2 - 1, actions, near], dim=1)
    model = ResidualModel(ProcessAsModel(network), config)
    with torch.no_grad():
        state = model.condition(embedding, InteractionSet.all(actions, rewards))
        expected = bounded(model.decode(state, at))
        plain = network.predict(embedding, InteractionSet.all(actions, rewards), at)
    given = given_to_process(network, embedding, actions, rewards, at)
    given["residuals"] = residual_settings(config)
    found = evaluate(
        given,
        "(() => { const p = withResiduals(makeProcess(given.process), given.residuals);"
        " return p.predict(p.condition(given.embedding, given.interactions),"
        " p.featuresOf(given.at)); })()",
    )
    for name in ("mean", "std"):
        assert np.abs(found[name] - getattr(expected, name)[0].numpy()).max() <= TOLERANCE
    if count:
        assert (expected.mean - plain.mean).abs().max() > 0.05


@pytest.mark.parametrize("large", [LARGE, 0])
def test_stored_tensors_are_read_exactly(evaluate, large):
    kind = np.float16 if large == 0 else np.float32
    values = np.array([[0, -0.5, 1e-7, 6e-5, 1 / 3], [65504, -2, 1e-8, 3e-5, 0.1]]).astype(kind)
    found = evaluate({"tensor": packed(values, large)}, 'readTensor(given.tensor, "x")')
    assert found["shape"] == [2, 5]
    np.testing.assert_array_equal(found["values"], values.astype(np.float32).ravel())


def test_damaged_tensor_is_explained_in_one_line(evaluate):
    tensor = packed(np.ones((2, 3))) | {"shape": [2, 4]}
    caught = '(() => { try { readTensor(given.t, "w"); } catch (e) { return e.message; } })()'
    assert evaluate({"t": tensor}, caught) == (
        "Expected 32 bytes of the tensor w, but got 24. "
        "Write the page again with `doorlab explore`."
    )


def test_models_that_page_cannot_compute_are_rejected():
    with pytest.raises(CheckpointError, match=r"a neural statistician .*but got VAE"):
        decoder_weights(VAE(32, TINY))
    with pytest.raises(CheckpointError, match=r"but got one with TransformerProcess"):
        process_weights(TransformerProcess(4, TINY))
