"""Small reward predictors on a random door."""

from dataclasses import replace

import numpy as np
import torch

from doorlab.bandit.acquisition import SearchConfig
from doorlab.doors import Action
from doorlab.models.registry import build_model
from doorlab.robot import RewardPredictor
from helpers.small_networks import TINY

SIZE = 32
SMALL = replace(TINY, encoder_resolution=SIZE, latent_samples=4)
QUICK = SearchConfig(candidates=64, steps=2)
PULL = Action(phi=0.3, radius=0.8, swing=1.5, turn=-0.5)
SLIDE = Action(phi=3.0, radius=np.inf, swing=0.6, turn=0.0)


def model_of(kind="ssnp", seed=0):
    torch.manual_seed(seed)
    return build_model(kind, SIZE, SMALL)


def random_frames(seed=0, size=(SIZE, SIZE), frames=3):
    return np.random.default_rng(seed).integers(0, 256, (frames, *size, 3), dtype=np.uint8)


def predictor_of(model=None, frames=True, **settings):
    predictor = RewardPredictor(model or model_of(), SIZE, search=QUICK, **settings)
    if frames:
        predictor.observe(random_frames())
    return predictor


def decisions(predictor, tries=3):
    """What it suggests next, in every manner, trying what it suggests."""
    found = []
    for _ in range(tries):
        actions = [predictor.suggest(choice) for choice in ("greedy", "ucb", "thompson")]
        mean, std = predictor.predict(actions)
        predictor.record(actions[-1], float(mean[0]))
        found.append((actions, mean.tolist(), std.tolist()))
    return found
