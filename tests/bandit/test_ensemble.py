import numpy as np
import pytest
import torch
from helpers.bandit_worlds import Prediction

from doorlab.bandit import History
from doorlab.bandit.ensemble import EnsembleModel
from doorlab.bandit.policies import ModelPolicy
from doorlab.errors import ConfigError
from doorlab.nn.context_sets import InteractionSet


class Constant:
    """Predicts the same reward for every action: the brightness of the door times a factor."""

    has_latent = True

    def __init__(self, factor, std, size=2):
        self.factor, self.std, self.size = factor, std, size

    def embed(self, x):
        return self.factor * x.mean(dim=(1, 2, 3, 4))[:, None].expand(-1, self.size)

    def condition(self, embedding, context):
        return embedding[:, :1]

    def draw(self, state, generator):
        return state

    def decode(self, state, actions):
        mean = state.expand(actions.shape[:2]) + 0.0 * actions[..., 0]
        return Prediction(mean, torch.full_like(mean, self.std))


def predicted(models, doors=3, queries=5):
    ensemble = EnsembleModel(models)
    frames = torch.linspace(0.1, 0.9, doors)[:, None, None, None, None].expand(-1, 2, 3, 4, 4)
    actions = torch.zeros(doors, queries, 4)
    state = ensemble.condition(ensemble.embed(frames), InteractionSet.nothing(actions))
    return ensemble.decode(state, actions), frames[:, 0, 0, 0, :1]


def test_moments_are_those_of_the_mixture():
    models = [Constant(0.2, 0.1), Constant(0.6, 0.3), Constant(1.0, 0.2)]
    prediction, brightness = predicted(models)
    samples = torch.stack([m.factor * brightness for m in models])
    torch.testing.assert_close(prediction.mean, samples.mean(0).expand(-1, 5))
    second = sum(s.square() + m.std**2 for s, m in zip(samples, models, strict=True)) / 3
    expected = (second - samples.mean(0).square()).sqrt()
    torch.testing.assert_close(prediction.std, expected.expand(-1, 5))


def test_ensemble_of_one_model_is_the_model():
    prediction, brightness = predicted([Constant(0.5, 0.2)])
    torch.testing.assert_close(prediction.mean, (0.5 * brightness).expand(-1, 5))
    torch.testing.assert_close(prediction.std, torch.full((3, 5), 0.2))


def test_policy_opens_doors_with_an_ensemble():
    policy = ModelPolicy(EnsembleModel([Constant(0.5, 0.2), Constant(0.7, 0.2)]))
    policy.begin(np.full((2, 1, 4, 4, 3), 100, np.uint8), np.random.default_rng(0))
    assert policy.act(History.empty(2)).shape == (2, 4)


@pytest.mark.parametrize(
    ("models", "words"), [([], "one or more"), ([Constant(1, 1), Constant(1, 1, 3)], "sizes 2, 3")]
)
def test_ensemble_rejects_models_that_do_not_fit(models, words):
    with pytest.raises(ConfigError, match=words):
        predicted(models)
