"""The learning-rate schedule: the learning rate as a function of the step."""

from __future__ import annotations

import math

from doorlab.training.config import OptimConfig


def learning_rate_at(config: OptimConfig, step: int, steps: int) -> float:
    """The learning rate in a step of a schedule: linear warm-up, then a cosine to 0.

    It is a pure function of the step, so a resumed run needs no state of a scheduler.

    Args:
        config: peak learning rate and fraction of the steps with a rising learning rate.
        step: number of the step since the start of the schedule: 0, 1, ...
        steps: length of the schedule.
    """
    rise = config.warmup_fraction * steps
    if step < rise:
        return config.lr * (step + 1) / (math.ceil(rise) or 1)
    done = (step - rise) / max(1.0, steps - rise)
    return config.lr * 0.5 * (1.0 + math.cos(math.pi * done))
