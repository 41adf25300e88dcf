import dataclasses
import math

import pytest
import torch

from doorlab.configs import updated
from doorlab.errors import ConfigError
from doorlab.training import TrainConfig
from doorlab.training.config import differing
from doorlab.training.learning_rate import learning_rate_at


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lr", 0.0), ("lr", math.nan), ("steps", -1), ("devices", 0),
        ("warmup_fraction", 1.5), ("precision", "8-mixed"), ("device", "gpux"),
        ("max_grad_norm", -1.0), ("log_every", 0), ("seed", -1),
    ],
)  # fmt: skip
def test_train_config_rejects_invalid_settings_by_name(name, value):
    with pytest.raises(ConfigError, match=name.split("_")[0]):
        updated(TrainConfig(), **{name: value})


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.25, 1.0])
def test_learning_rate_at_matches_torch_schedulers(warmup):
    """Linear warm-up and cosine decay, against torch's schedulers."""
    config = updated(TrainConfig(), steps=40, lr=0.3, warmup_fraction=warmup)
    rise = round(warmup * config.steps)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=config.optim.lr)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, config.steps - rise))
    for step in range(rise, config.steps):
        assert learning_rate_at(config.optim, step, 40) == pytest.approx(cosine.get_last_lr()[0])
        optimizer.step()
        cosine.step()
    assert [learning_rate_at(config.optim, s, 40) for s in range(rise)] == pytest.approx(
        [0.3 * (s + 1) / rise for s in range(rise)]
    )


def test_differing_lists_relevant_settings_only():
    before = dataclasses.asdict(TrainConfig(steps=5))
    now = dataclasses.asdict(
        updated(TrainConfig(), steps=6, threads=3, stop_after=2, checkpoint_every=9)
    )
    assert differing(before, now) == ["--steps (5 there, 6 here)"]
    assert differing(before, before) == []
