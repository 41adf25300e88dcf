"""Figures of predicted rewards on held-out doors, for `doorlab plot`.

Legend: D doors, J interactions recorded; A grid points per axis, K doors in the figure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from doorlab.doors import Action, Door, oracle_action
from doorlab.doors.action import MAX_SWING, MAX_TURN
from doorlab.evaluation import calibration as statistics
from doorlab.evaluation.reward_metrics import Predictions, max_context_size, predictions
from doorlab.evaluation.trained_model import TrainedModel
from doorlab.intervals import Estimate, bootstrap_mean
from doorlab.nn.context_sets import InteractionSet
from doorlab.plots.context import MissingInput, Plot, PlotContext
from doorlab.plots.figures import calibration as calibration_figure
from doorlab.plots.figures.curves import Curve, error_by_interactions
from doorlab.plots.figures.landscape import Slice, landscapes
from doorlab.plots.frames import describe, stratified_sample
from doorlab.plots.style import style_of

_COUNTS = (0, 1, 2, 4, 8, 16)
_CALIBRATED_AT = 4  # size of the context set of the calibration figure
_STORED = ("mean", "std")
_GRID = 41
_PHI_SPAN = (-90.0, 270.0)  # degrees: right (0) and left (180) both lie inside
_SWINGS = (-MAX_SWING, MAX_SWING)


def adaptation(sources: PlotContext) -> Plot:
    """Squared error of every reward model by size of the context set."""
    _, rewards, first = _recorded(sources)
    counts = [n for n in _COUNTS if n <= first]
    errors: dict[str, list[Estimate]] = {}
    for kind, model in sources.reward_models.items():
        by_size = _predictions(sources, model, counts)
        errors[kind] = [bootstrap_mean(by_size[n].squared_error, seed=sources.seed) for n in counts]
    variance = float(np.var(rewards[:, first:]))
    curves = {kind: Curve.of(range(len(counts)), e) for kind, e in errors.items()}
    return Plot(
        error_by_interactions(curves, counts, variance),
        {kind: np.array([e.mean for e in found]) for kind, found in errors.items()},
        {"reward_mse": errors, "context_counts": counts, "reward_variance": variance},
    )


def calibration(sources: PlotContext) -> Plot:
    """Reliability and coverage of every reward model after a few interactions."""
    _, rewards, first = _recorded(sources)
    n = min(_CALIBRATED_AT, first)
    by_kind = {
        kind: _predictions(sources, model, [n])[n] for kind, model in sources.reward_models.items()
    }
    bins = {kind: statistics.reliability(p.mean, p.outcome) for kind, p in by_kind.items()}
    if not any(bins.values()):
        least = statistics.FEWEST_DOORS
        raise MissingInput(f"no bin of predicted rewards has {least} test doors")
    covered = {kind: statistics.coverage(p.mean, p.std, p.outcome) for kind, p in by_kind.items()}
    errors = {
        kind: statistics.calibration_error(p.mean, p.outcome, seed=sources.seed)
        for kind, p in by_kind.items()
    }
    arrays = {f"{kind}/{part}": getattr(p, part) for kind, p in by_kind.items() for part in _STORED}
    return Plot(
        calibration_figure.calibration(bins, covered),
        {"outcome": rewards[:, first:], **arrays},
        {"levels": list(statistics.LEVELS), "coverage": covered, "calibration_error": errors},
        {"context": str(n)},
    )


def landscape(sources: PlotContext) -> Plot:
    """Predicted rewards on two slices of the action space, before and after interactions."""
    model = sources.headline_model
    actions, rewards, _ = _recorded(sources)
    latched = _latched_on_hinges(sources.doors)
    if not latched:
        raise MissingInput("no held-out door on a hinge has a latch")
    chosen = [latched[k] for k in stratified_sample([sources.doors[i] for i in latched], 4)]
    doors, embedding = [sources.doors[i] for i in chosen], model.embed(sources.images[chosen])
    embedding, ac, rc = model.tensors(embedding, actions[chosen], rewards[chosen])
    context = InteractionSet.all(ac, rc)
    direction, turning = (np.stack([grid(d) for d in doors]) for grid in (_directions, _turns))

    @torch.no_grad()
    def maps(targets: np.ndarray, size: int) -> np.ndarray:
        (target_actions,) = model.tensors(targets)
        prediction = model.network.predict(embedding, context.first(size), target_actions)
        return prediction.mean.cpu().numpy().reshape(-1, _GRID, _GRID)

    recorded = actions.shape[1]
    slices = [
        _hinge_slice(doors, maps(direction, 0)),
        _turn_slice("images only", doors, maps(turning, 0)),
        _turn_slice(f"after {recorded} interactions", doors, maps(turning, recorded)),
    ]
    photos = sources.images[chosen][:, 0]
    return Plot(
        landscapes(photos, [describe(d) for d in doors], slices),
        {"doors": sources.indices[chosen], "maps": np.stack([s.rewards for s in slices])},
        words={"model": style_of(model.kind).label},
    )


def _predictions(
    sources: PlotContext, model: TrainedModel, counts: Sequence[int]
) -> dict[int, Predictions]:
    actions, rewards, _ = _recorded(sources)
    embedding, actions, rewards = model.tensors(model.embed(sources.images), actions, rewards)
    return predictions(model.network, embedding, actions, rewards, counts)


def _recorded(sources: PlotContext) -> tuple[np.ndarray, np.ndarray, int]:
    """Actions (D, J, 4), rewards (D, J), and the index of the first target interaction.

    The interactions before this index are the context set.
    """
    if sources.dataset.interactions < 2:
        raise MissingInput("the dataset has fewer than two interactions per door")
    return (
        sources.read("actions"),
        sources.read("rewards"),
        max_context_size(sources.dataset.interactions),
    )


def _latched_on_hinges(doors: Sequence[Door]) -> list[int]:
    """Positions of hinged doors with a latch; sliding doors have other units (m, not rad)."""
    return [i for i, d in enumerate(doors) if d.latch_angle > 0 and d.mechanism == "hinged"]


def _hinge_slice(doors: list[Door], rewards: np.ndarray) -> Slice:
    best = np.array([(180.0 * (door.hinge_side == "left"), _swing(door)) for door in doors])
    sides = {0.0: "right", 180.0: "left"}
    where = "assumed hinge"
    return Slice("images only", rewards, where, "swing, rad", _PHI_SPAN, _SWINGS, best, sides)


def _turn_slice(label: str, doors: list[Door], rewards: np.ndarray) -> Slice:
    best = np.array([(MAX_TURN * float(oracle_action(door)[3]), _swing(door)) for door in doors])
    turns = (-MAX_TURN, MAX_TURN)
    return Slice(label, rewards, "handle turn, rad", "swing, rad", turns, _SWINGS, best)


def _swing(door: Door) -> float:
    return Action.from_normalized(oracle_action(door)).swing


def _directions(door: Door) -> np.ndarray:
    """(A * A, 4): the oracle's action with phi and swing replaced by a grid of values."""
    phi = np.radians(np.linspace(*_PHI_SPAN, _GRID)) / math.pi
    return _grid(door, 0, (phi + 1.0) % 2.0 - 1.0)


def _turns(door: Door) -> np.ndarray:
    """(A * A, 4): the oracle's action with handle turn and swing replaced by a grid of values."""
    return _grid(door, 3, np.linspace(-1.0, 1.0, _GRID))


def _grid(door: Door, column: int, values: np.ndarray) -> np.ndarray:
    actions = np.tile(oracle_action(door), (_GRID, _GRID, 1))
    actions[:, :, column] = values[None, :]
    actions[:, :, 2] = np.linspace(-1.0, 1.0, _GRID)[:, None]
    return actions.reshape(-1, 4)
