"""Properties that every neural process must have, conditional or latent."""

from dataclasses import replace

import pytest
import torch

from doorlab.models.cnp import ConditionalProcess
from doorlab.models.latent_np import LatentProcess

E_DIM = 6


@pytest.fixture(params=[ConditionalProcess, LatentProcess], ids=["cnp", "latent_np"])
def process(request, small):
    torch.manual_seed(0)
    return request.param(E_DIM, small).eval()


@pytest.fixture
def e():
    return torch.randn(4, E_DIM, generator=torch.Generator().manual_seed(2))


def context(batch):
    return batch.ac_BNA, batch.rc_BN, batch.mask_BN


def test_predictions_are_rewards(process, e, batch):
    said = process.predict(e, *context(batch), batch.at_BTA)
    assert said.mean.shape == said.std.shape == (4, 6)
    assert said.mean.min() >= 0
    assert said.mean.max() <= 1
    assert said.std.min() > 0


def test_the_order_of_interactions_does_not_matter(process, e, batch):
    order = torch.tensor([4, 2, 0, 3, 1])
    ac, rc, mask = context(batch)
    said = process.predict(e, ac, rc, mask, batch.at_BTA)
    shuffled = process.predict(e, ac[:, order], rc[:, order], mask[:, order], batch.at_BTA)
    torch.testing.assert_close(shuffled.mean, said.mean)
    torch.testing.assert_close(shuffled.std, said.std)


def test_what_is_masked_does_not_matter(process, e, batch):
    ac, rc, mask = context(batch)
    said = process.predict(e, ac, rc, mask, batch.at_BTA)
    noise = torch.where(mask[..., None], ac, torch.rand(ac.shape))
    other = process.predict(
        e, noise, torch.where(mask, rc, torch.rand(rc.shape)), mask, batch.at_BTA
    )
    torch.testing.assert_close(other.mean, said.mean)
    short = process.predict(e[:3], ac[:3, :3], rc[:3, :3], mask[:3, :3], batch.at_BTA[:3])
    torch.testing.assert_close(short.mean, said.mean[:3])


def test_what_is_not_masked_does_matter(process, e, batch):
    ac, rc, mask = context(batch)
    said = process.predict(e, ac, rc, mask, batch.at_BTA).mean
    other = process.predict(e, ac, torch.where(mask, 1 - rc, rc), mask, batch.at_BTA).mean
    changed = (said - other).abs().amax(1)
    assert changed[0] == 0  # a door with no interactions yet
    assert (changed[1:] > 1e-6).all()


def test_targets_do_not_look_at_one_another(process, e, batch):
    whole = process.predict(e, *context(batch), batch.at_BTA).mean
    one = process.predict(e, *context(batch), batch.at_BTA[:, 2:3]).mean
    torch.testing.assert_close(one, whole[:, 2:3])


def test_doors_do_not_mix(process, e, batch):
    whole = process.predict(e, *context(batch), batch.at_BTA).mean
    part = process.predict(e[1:2], *(x[1:2] for x in context(batch)), batch.at_BTA[1:2]).mean
    torch.testing.assert_close(part, whole[1:2])


def test_phi_is_periodic(process, e, batch):
    low, high = batch.at_BTA.clone(), batch.at_BTA.clone()
    low[..., 0], high[..., 0] = -1.0, 1.0
    a, b = (process.predict(e, *context(batch), at).mean for at in (low, high))
    torch.testing.assert_close(a, b)


def test_predictions_can_be_climbed(process, e, batch):
    """Gradients by actions are those of finite differences."""
    process = process.double()
    parts = [x.double() if x.is_floating_point() else x for x in context(batch)]
    at = batch.at_BTA[:, :2].double().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda a: process.predict(e.double(), *parts, a).mean, at, eps=1e-6, atol=1e-4
    )


def test_predicting_twice_is_predicting_once(process, e, batch):
    a, b = (process.predict(e, *context(batch), batch.at_BTA) for _ in range(2))
    assert torch.equal(a.mean, b.mean)
    assert torch.equal(a.std, b.std)


def test_scores_have_one_row_per_sample(process, e, batch, small):
    score, mean = process.score(e, *context(batch), batch.at_BTA, batch.rt_BT)
    samples = small.latent_samples if process.has_latent else 1
    assert score.shape == (samples, 4, 6)
    assert mean.shape == (4, 6)


def test_the_mixture_knows_its_moments(small, e, batch):
    """Of latent processes: against a mixture written out with torch.distributions."""
    torch.manual_seed(0)
    process = LatentProcess(E_DIM, replace(small, latent_samples=5)).eval()
    said = process.predict(e, *context(batch), batch.at_BTA)
    standard = process.standardise(e)
    u = process.infer(standard, *context(batch))
    parts = [
        process.decoder(standard, u.mean + u.stddev * noise, batch.at_BTA)
        for noise in process.noise
    ]
    mixture = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(torch.ones(4, 6, len(parts))),
        torch.distributions.Normal(
            *(torch.stack(part, dim=-1) for part in zip(*parts, strict=True))
        ),
    )
    torch.testing.assert_close(said.mean, mixture.mean)
    torch.testing.assert_close(said.std, mixture.stddev)


def test_a_sampled_function_is_one_function(small, e, batch):
    process = LatentProcess(E_DIM, small).eval()

    def draw(seed, at):
        generator = torch.Generator().manual_seed(seed)
        return process.sample_functions(e, *context(batch), at, generator)

    whole = draw(7, batch.at_BTA)
    assert whole.shape == (4, 6)
    torch.testing.assert_close(draw(7, batch.at_BTA[:, 1:3]), whole[:, 1:3])
    assert not torch.equal(draw(8, batch.at_BTA), whole)


def test_sampled_functions_average_to_the_prediction(small, e, batch):
    torch.manual_seed(0)
    process = LatentProcess(E_DIM, replace(small, latent_samples=512)).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        args = (e, *context(batch), batch.at_BTA)
        draws = [process.sample_functions(*args, generator) for _ in range(512)]
        said = process.predict(*args).mean
    torch.testing.assert_close(torch.stack(draws).mean(0), said, atol=0.02, rtol=0)
