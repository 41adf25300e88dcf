"""Known reward functions, and doors with something to see and something hidden, for the tests."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from doorlab.bandit import History
from doorlab.bandit.policies import LabeledDataset

OPTIMUM = np.array([0.4, -0.3, 0.5, -0.2])


def features(actions):
    phi = math.pi * actions[..., :1]
    return np.concatenate([np.sin(phi), np.cos(phi), actions[..., 1:]], axis=-1)


def bump(actions):
    away = features(actions) - features(OPTIMUM)
    return np.exp(-0.5 * (away**2).sum(-1))


def history(doors, tries, seed=0, reward=None):
    rng = np.random.default_rng(seed)
    actions = rng.uniform(-1, 1, (doors, tries, 4)).astype(np.float32)
    rewards = rng.uniform(0, 1, (doors, tries)) if reward is None else reward(actions)
    return History(actions, rewards.astype(np.float32))


@dataclass
class Prediction:
    mean: torch.Tensor
    std: torch.Tensor


class Sighted:
    """Sees the side of a door in its brightness; of the hidden latch it expects either way."""

    has_latent = False

    def embed(self, x):
        return 2 * x.mean(dim=(1, 2, 3, 4))[:, None] - 1

    def predict(self, embedding, tried, at):
        return self.decode(self.condition(embedding, tried), at)

    def condition(self, embedding, tried):
        return embedding.sign()

    def draw(self, state, generator):
        raise NotImplementedError

    def decode(self, state, at):
        ways = [_reward(at, state, way, torch) for way in (-1.0, 1.0)]
        return Prediction(sum(ways) / 2, torch.full(at.shape[:2], 0.1))


class World:
    """Doors with a side that is seen, and a latch whose way is not."""

    def __init__(self, doors, seed=0):
        rng = np.random.default_rng(seed)
        self.side, self.way = (rng.choice([-1.0, 1.0], doors) for _ in range(2))
        brightness = np.where(self.side > 0, 192, 64) + rng.integers(-5, 6, doors)
        shape = (doors, 1, 2, 2, 3)
        self.frames = np.broadcast_to(brightness[:, None, None, None, None], shape).astype(np.uint8)

    def rewards(self, actions):
        """(D, N, 4) -> (D, N)."""
        found = _reward(actions, self.side[:, None], self.way[:, None], np)
        return found.astype(np.float32)

    def play(self, policy, tries, seed=0):
        """The history after a number of interactions."""
        policy.begin(self.frames, np.random.default_rng(seed))
        past = History.empty(len(self.side))
        for _ in range(tries):
            actions = policy.act(past)
            past = past.extended(actions, self.rewards(actions[:, None])[:, 0])
        return past


def labeled(doors=200, tries=24):
    """Doors of the same kind with random interactions."""
    world, rng = World(doors, seed=99), np.random.default_rng(98)
    actions = rng.uniform(-1, 1, (doors, tries, 4)).astype(np.float32)
    return LabeledDataset(world.frames, actions, world.rewards(actions))


def _reward(actions, side, way, np):
    turned = np.cos(math.pi * actions[..., 0]) * side
    return np.exp(1.5 * (turned - 1) - 2 * (actions[..., 3] - 0.6 * way) ** 2)
