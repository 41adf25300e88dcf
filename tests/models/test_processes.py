"""Properties of every model in `doorlab.models.processes`."""

from dataclasses import replace

import pytest
import torch

from doorlab.errors import ConfigError
from doorlab.models.processes.attentive_np import AttentiveProcess
from doorlab.models.processes.cnp import ConditionalNeuralProcess
from doorlab.models.processes.latent_np import LatentNeuralProcess
from doorlab.models.processes.reward_distributions import HEADS
from doorlab.models.processes.transformer_np import TransformerProcess
from doorlab.nn.context_sets import InteractionSet
from doorlab.nn.pooling import AGGREGATORS

E_DIM = 6
PROCESSES = {
    "cnp": ConditionalNeuralProcess,
    "latent_np": LatentNeuralProcess,
    "attentive_np": AttentiveProcess,
    "tnp": TransformerProcess,
}
KINDS = [("soft_bernoulli", "split"), ("inflated_beta", "mean"), ("gaussian", "split")]
assert {head for head, _ in KINDS} == set(HEADS)
assert {pooling for _, pooling in KINDS} == set(AGGREGATORS)


@pytest.fixture(params=[(name, *kind) for name in PROCESSES for kind in KINDS], ids="-".join)
def process(request, small):
    name, head, aggregator = request.param
    torch.manual_seed(0)
    return PROCESSES[name](E_DIM, replace(small, head=head, aggregator=aggregator)).eval()


@pytest.fixture(params=[LatentNeuralProcess, AttentiveProcess], ids=["latent_np", "attentive_np"])
def latent(request):
    return request.param


@pytest.fixture
def e():
    return torch.randn(4, E_DIM, generator=torch.Generator().manual_seed(2))


def context(batch):
    return batch.context


def rows(tried, chosen):
    return InteractionSet(tried.actions[chosen], tried.rewards[chosen], tried.mask[chosen])


def test_process_predicts_shared_actions_as_copies_of_them(process, e, batch):
    """Features of expanded actions are computed once for all doors."""
    shared = batch.at_BTA[:1].expand(4, -1, -1)
    state = process.condition(e, context(batch))
    together, apart = process.decode(state, shared), process.decode(state, shared.clone())
    torch.testing.assert_close(together.mean, apart.mean, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(together.std, apart.std, atol=1e-6, rtol=1e-5)


def test_process_predicts_valid_rewards(process, e, batch):
    said = process.predict(e, context(batch), batch.at_BTA)
    assert said.mean.shape == said.std.shape == (4, 6)
    assert said.mean.min() >= 0
    assert said.mean.max() <= 1
    assert said.std.min() > 0
    assert said.log_prob(batch.rt_BT).shape == (4, 6)


def test_process_is_invariant_to_interaction_order(process, e, batch):
    order = torch.tensor([4, 2, 0, 3, 1])
    tried = context(batch)
    said = process.predict(e, tried, batch.at_BTA)
    mixed = InteractionSet(tried.actions[:, order], tried.rewards[:, order], tried.mask[:, order])
    shuffled = process.predict(e, mixed, batch.at_BTA)
    torch.testing.assert_close(shuffled.mean, said.mean)
    torch.testing.assert_close(shuffled.std, said.std)


def test_process_ignores_masked_interactions(process, e, batch):
    tried = context(batch)
    said = process.predict(e, tried, batch.at_BTA)
    noise = InteractionSet(
        torch.where(tried.mask[..., None], tried.actions, torch.rand(tried.actions.shape)),
        torch.where(tried.mask, tried.rewards, torch.rand(tried.rewards.shape)),
        tried.mask,
    )
    other = process.predict(e, noise, batch.at_BTA)
    torch.testing.assert_close(other.mean, said.mean)
    for door, seen in enumerate((0, 1, 3, 5)):
        short = InteractionSet.all(tried.actions[[door], :seen], tried.rewards[[door], :seen])
        alone = process.predict(e[[door]], short, batch.at_BTA[[door]])
        torch.testing.assert_close(alone.mean, said.mean[[door]])
        torch.testing.assert_close(alone.std, said.std[[door]])


def test_process_uses_unmasked_interactions(process, e, batch):
    tried = context(batch)
    said = process.predict(e, tried, batch.at_BTA).mean
    others = replace(tried, rewards=torch.where(tried.mask, 1 - tried.rewards, tried.rewards))
    changed = (said - process.predict(e, others, batch.at_BTA).mean).abs().amax(1)
    assert changed[0] == 0  # a door with no interactions yet
    assert (changed[1:] > 1e-6).all()


def test_process_predicts_targets_independently(process, e, batch):
    whole = process.predict(e, context(batch), batch.at_BTA).mean
    one = process.predict(e, context(batch), batch.at_BTA[:, 2:3]).mean
    torch.testing.assert_close(one, whole[:, 2:3])


def test_process_treats_doors_independently(process, e, batch):
    whole = process.predict(e, context(batch), batch.at_BTA).mean
    part = process.predict(e[1:2], rows(context(batch), slice(1, 2)), batch.at_BTA[1:2]).mean
    torch.testing.assert_close(part, whole[1:2])


def test_process_is_periodic_in_phi(process, e, batch):
    low, high = batch.at_BTA.clone(), batch.at_BTA.clone()
    low[..., 0], high[..., 0] = -1.0, 1.0
    a, b = (process.predict(e, context(batch), at).mean for at in (low, high))
    torch.testing.assert_close(a, b)


def test_process_gradients_match_finite_differences(process, e, batch):
    """With respect to actions, with and without interactions."""
    process = process.double()
    tried = InteractionSet(
        batch.context.actions.double(), batch.context.rewards.double(), batch.context.mask
    )
    at = batch.at_BTA[:, :2].double().requires_grad_()
    state = process.condition(e.double(), tried)
    for part in ("mean", "std"):
        assert torch.autograd.gradcheck(
            lambda a, part=part: getattr(process.decode(state, a), part), at, eps=1e-6, atol=1e-4
        )


def test_process_predict_equals_condition_and_decode(process, e, batch):
    state = process.condition(e, context(batch))
    for at in (batch.at_BTA, batch.at_BTA.flip(1), batch.at_BTA[:, :1]):
        whole, parts = process.predict(e, context(batch), at), process.decode(state, at)
        assert torch.equal(whole.mean, parts.mean)
        assert torch.equal(whole.std, parts.std)
        r = batch.rt_BT[:, : at.shape[1]]
        assert torch.equal(whole.log_prob(r), parts.log_prob(r))


def test_process_score_has_row_per_sample(process, e, batch, small):
    score, mean = process.score(e, context(batch), batch.at_BTA, batch.rt_BT)
    samples = small.latent_samples if process.has_latent else 1
    assert score.shape == (samples, 4, 6)
    assert mean.shape == (4, 6)


def test_latent_process_prediction_is_mixture_of_samples(latent, small, e, batch):
    """Against one door, one sample and one target at a time, and torch.distributions."""
    torch.manual_seed(0)
    process = latent(E_DIM, replace(small, latent_samples=5, head="gaussian")).eval()
    tried, r = context(batch), batch.rt_BT.clamp(0.05, 0.95)  # where the law is Gaussian
    said, state = process.predict(e, tried, batch.at_BTA), process.condition(e, tried)
    parts = []
    for noise in process.noise:
        u = state.u.mean + state.u.stddev * noise
        reading = process.decoder.reading(state.embedding, u[None])
        law = process.predictive(replace(state, reading=reading), batch.at_BTA)
        parts.append((law.mean[0], law.std[0]))
    mixture = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(torch.ones(4, 6, len(parts))),
        torch.distributions.Normal(
            *(torch.stack(part, dim=-1) for part in zip(*parts, strict=True))
        ),
    )
    torch.testing.assert_close(said.mean, mixture.mean)
    torch.testing.assert_close(said.std, mixture.stddev)
    torch.testing.assert_close(said.log_prob(r), mixture.log_prob(r))


def test_latent_process_samples_consistent_functions(latent, small, e, batch):
    process = latent(E_DIM, small).eval()

    def draw(seed, at):
        generator = torch.Generator().manual_seed(seed)
        return process.sample_functions(e, context(batch), at, generator)

    whole = draw(7, batch.at_BTA)
    assert whole.shape == (4, 6)
    torch.testing.assert_close(draw(7, batch.at_BTA[:, 1:3]), whole[:, 1:3])
    assert not torch.equal(draw(8, batch.at_BTA), whole)
    state = process.condition(e, context(batch))
    drawn = process.draw(state, torch.Generator().manual_seed(7))
    assert torch.equal(process.decode(drawn, batch.at_BTA).mean, whole)


@pytest.mark.parametrize("kind", [ConditionalNeuralProcess, TransformerProcess])
def test_conditional_process_rejects_sampling(kind, small, e, batch):
    process = kind(E_DIM, small).eval()
    with pytest.raises(ConfigError, match="a process with a latent"):
        process.sample_functions(e, context(batch), batch.at_BTA, torch.Generator())


def test_latent_process_samples_average_to_prediction(latent, small, e, batch):
    torch.manual_seed(0)
    process = latent(E_DIM, replace(small, latent_samples=512)).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        state = process.condition(e, context(batch))
        draws = [process.decode(process.draw(state, generator), batch.at_BTA) for _ in range(512)]
        said = process.decode(state, batch.at_BTA).mean
    average = torch.stack([d.mean for d in draws]).mean(0)
    torch.testing.assert_close(average, said, atol=0.02, rtol=0)


def test_mean_aggregator_ignores_set_size(small, e, batch):
    """Repeated interactions change the prediction of `split`, and not that of `mean`."""
    tried = InteractionSet.all(batch.context.actions[3:], batch.context.rewards[3:])
    twice = InteractionSet.all(tried.actions.repeat(1, 2, 1), tried.rewards.repeat(1, 2))
    for name, forgets in (("mean", True), ("split", False)):
        torch.manual_seed(0)
        process = ConditionalNeuralProcess(E_DIM, replace(small, aggregator=name)).eval()
        once, again = (process.predict(e[3:], t, batch.at_BTA[3:]).mean for t in (tried, twice))
        assert torch.allclose(once, again, atol=1e-6) == forgets


@pytest.mark.parametrize("setting", ["head", "aggregator"])
def test_process_rejects_unknown_head_and_aggregator(small, setting):
    with pytest.raises(ConfigError, match=f"{setting}.*nonsense"):
        LatentNeuralProcess(E_DIM, replace(small, **{setting: "nonsense"}))
