from dataclasses import replace

import pytest
import torch

from doorlab.errors import ConfigError
from doorlab.models.processes.attentive_np import AttentiveProcess
from doorlab.models.processes.latent_np import LatentNeuralProcess
from doorlab.nn.context_sets import InteractionSet

E_DIM = 6


def test_attentive_process_without_attention_is_latent_process(small, batch):
    """With a zero output layer of the attention only the latent path remains."""
    e = torch.randn(4, E_DIM, generator=torch.Generator().manual_seed(2))
    torch.manual_seed(0)
    attentive = AttentiveProcess(E_DIM, small).eval()
    latent = LatentNeuralProcess(E_DIM, small).eval()
    shared = latent.state_dict().keys()
    latent.load_state_dict({k: v for k, v in attentive.state_dict().items() if k in shared})
    tried = batch.context
    expected = latent.predict(e, tried, batch.at_BTA).mean
    assert not torch.allclose(attentive.predict(e, tried, batch.at_BTA).mean, expected)
    torch.nn.init.zeros_(attentive.attention.attention.output.weight)
    torch.nn.init.zeros_(attentive.attention.attention.output.bias)
    torch.testing.assert_close(attentive.predict(e, tried, batch.at_BTA).mean, expected)


def test_attentive_process_memorizes_interactions(small):
    """Random rewards can be stored one by one, but not in a small latent variable."""
    sizes = replace(small, hidden=32, interaction_dim=2, latent_samples=1, head="gaussian")
    errors = {}
    for kind in (AttentiveProcess, LatentNeuralProcess):
        torch.manual_seed(0)
        process = kind(E_DIM, sizes)
        optimizer = torch.optim.Adam(process.parameters(), lr=1e-2)
        generator = torch.Generator().manual_seed(0)
        e = torch.zeros(32, E_DIM)
        for _ in range(150):
            a = 2 * torch.rand(32, 8, 4, generator=generator) - 1
            r = (torch.rand(32, 8, generator=generator) < 0.5).float()
            said = process.decode(process.condition(e, InteractionSet.all(a, r)), a)
            error = (said.mean - r).square().mean()
            optimizer.zero_grad()
            error.backward()
            optimizer.step()
        errors[kind] = error.item()
    assert errors[AttentiveProcess] < 0.05
    assert errors[LatentNeuralProcess] > 0.15  # a coin toss has a variance of 0.25


def test_attentive_process_rejects_indivisible_heads(small):
    with pytest.raises(ConfigError, match="attention heads that divides"):
        AttentiveProcess(E_DIM, replace(small, attention_heads=3))
