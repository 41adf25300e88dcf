"""Neural-linear: Thompson sampling with Bayesian linear regression on a network's last layer.

Riquelme et al. 2018, "Deep Bayesian bandits showdown", section 3. A network is trained on labeled
doors to predict the reward of an action from a door's embedding; its last hidden layer provides the
features. Every door has its own weights on them. The prior of these weights is fitted to labeled
doors that the network was not trained on (`doorlab.bandit.linear.fit_empirical_prior`);
interactions update weights and noise in closed form. At every step the policy executes the best
action under one sample of the weights.

In the paper the network continues to be trained on the bandit's own rewards. Here it does not:
doors must not influence each other, and the interactions with one door are too few for a network.

Legend: D doors, M frames, E embedding, N actions, J interactions, F features, G gains and shifts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32
from torch import Tensor, nn

from doorlab.bandit.acquisition import BanditModel, Score, SearchConfig, optimize_acquisition
from doorlab.bandit.linear import BayesianLinearPosterior, expand, fit_empirical_prior
from doorlab.bandit.policies.embedding import (
    EmbeddingPolicy,
    LabeledDataset,
    check_min_doors,
    embed,
    standardization,
)
from doorlab.bandit.policy import History
from doorlab.limits import NonNegativeInt, PositiveFloat, PositiveInt, Seed, Share, check_limits
from doorlab.nn.actions import ACTION_FEATURES, action_features
from doorlab.nn.mlp import mlp
from doorlab.runtime.torch_state import float32_by_default, thread_defaults
from doorlab.seeding import integer_seed


@dataclass(frozen=True)
class NeuralLinearConfig:
    """The network, its training, and the use of its features."""

    hidden: PositiveInt = 100
    """Width of the hidden layers."""
    features: PositiveInt = 64
    """Width of the last hidden layer."""
    steps: NonNegativeInt = 1500
    """Training steps (Adam)."""
    batch: PositiveInt = 64
    """Labeled doors per training step, with all of their interactions."""
    rate: PositiveFloat = 2e-3
    """Initial learning rate; decays to zero along a cosine."""
    held_out: Share = 0.25
    """Fraction of the labeled doors used to fit the prior of the weights, not the network."""
    search: SearchConfig = field(default_factory=SearchConfig)
    """Budget of the search for the best action."""
    seed: Seed = 0
    """Seed of the network's initial weights and batches."""

    def __post_init__(self) -> None:
        check_limits(self, "")


class FeatureNetwork(nn.Module):
    """Predicts rewards of actions on doors by a linear layer on features."""

    center: Float[Tensor, " E"]
    scale: Float[Tensor, " E"]

    def __init__(self, embedding: Float[Tensor, "D E"], config: NeuralLinearConfig) -> None:
        super().__init__()
        center, scale = standardization(embedding)
        self.register_buffer("center", center)
        self.register_buffer("scale", scale)
        self.action = mlp(ACTION_FEATURES, config.hidden, config.hidden)
        self.door = mlp(embedding.shape[1], config.hidden, 2 * config.hidden)
        self.last = nn.Linear(config.hidden, config.features)
        self.reward = nn.Linear(config.features, 1)

    def modulation(self, embedding: Float[Tensor, "D E"]) -> Float[Tensor, "D 1 G"]:
        """Gains and shifts (FiLM) computed from the embedding of a door."""
        return self.door((embedding - self.center) / self.scale)[:, None]

    def features(
        self, modulation: Float[Tensor, "D 1 G"], actions: Float[Tensor, "D N 4"]
    ) -> Float[Tensor, "D N F"]:
        """The last hidden layer, with a constant appended."""
        scale, shift = modulation.chunk(2, dim=-1)
        h = F.gelu(self.action(action_features(actions)) * (1.0 + scale) + shift)
        x = F.gelu(self.last(h))
        return torch.cat([x, torch.ones_like(x[..., :1])], dim=-1)


class NeuralLinearPolicy(EmbeddingPolicy):
    """Embeds doors with a trained model, and fits linear regressions on a network's features."""

    @thread_defaults()
    def __init__(
        self,
        model: BanditModel,
        labeled: LabeledDataset,
        config: NeuralLinearConfig | None = None,
        device: str = "cpu",
    ) -> None:
        self._config, self._look = (
            config or NeuralLinearConfig(),
            partial(embed, model, device=device),
        )
        # The prior needs at least two doors, and the network at least one.
        check_min_doors(labeled, 3)
        embedding = self._look(labeled.frames).cpu()
        actions, rewards = (torch.from_numpy(x) for x in (labeled.actions, labeled.rewards))
        count = len(embedding)
        held_out = min(max(2, round(self._config.held_out * count)), count - 1)
        self._network = _trained(
            embedding[:-held_out], actions[:-held_out], rewards[:-held_out], self._config
        )
        with torch.no_grad():
            modulation = self._network.modulation(embedding[-held_out:])
            x = self._network.features(modulation, actions[-held_out:])
        self._shared = fit_empirical_prior(x, rewards[-held_out:])

    @thread_defaults()
    def act(self, history: History) -> Float32[np.ndarray, "D 4"]:
        """The best action under one sample of every door's weights."""
        with torch.no_grad():
            modulation = self._network.modulation(self._embedding)
        weights = self.belief(history).sample(self._rng).float()
        seed = int(self._rng.integers(2**31))
        score = _linear(self._network, modulation, weights)
        executed = torch.from_numpy(history.actions)
        return optimize_acquisition(score, executed, seed, self._config.search).numpy()

    @thread_defaults()
    def belief(self, history: History) -> BayesianLinearPosterior:
        """Posterior of the weights of every door after `history`."""
        with torch.no_grad():
            modulation = self._network.modulation(self._embedding)
            x = self._network.features(modulation, torch.from_numpy(history.actions))
        prior = expand(self._shared, len(modulation))
        return prior.given(x, torch.from_numpy(history.rewards))


def _linear(network: FeatureNetwork, embedding: Tensor, weights: Float[Tensor, "D F"]) -> Score:
    return lambda at: (network.features(embedding, at) @ weights[..., None])[..., 0]


@float32_by_default
def _trained(
    embedding: Float[Tensor, "D E"],
    actions: Float[Tensor, "D J 4"],
    rewards: Float[Tensor, "D J"],
    config: NeuralLinearConfig,
) -> FeatureNetwork:
    """Trains the network for `config.steps` steps on squared errors."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(integer_seed(config.seed, "neural_linear"))
        network = FeatureNetwork(embedding, config)
        optimizer = torch.optim.Adam(network.parameters(), lr=config.rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.steps)
        for _ in range(config.steps):
            rows = torch.randint(len(embedding), (config.batch,))
            x = network.features(network.modulation(embedding[rows]), actions[rows])
            predicted = network.reward(x[..., :-1])[..., 0]
            loss = F.mse_loss(predicted, rewards[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network.eval().requires_grad_(False)
