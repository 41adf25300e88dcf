import torch
from torch import nn

from doorlab.training.best_weights import BestWeights


def update(best, model, *errors):
    for step, error in enumerate(errors, 1):
        with torch.no_grad():
            model.weight.fill_(step)
        best.update(step, {"error": error}, model)


def test_best_weights_restores_weights_with_smallest_error():
    best, model = BestWeights(lambda figures: figures["error"]), nn.Linear(2, 1)
    update(best, model, 3.0, 1.0, float("nan"), 1.0, 2.0)
    assert (best.step, best.error) == (2, 1.0)  # of equal ones the first
    best.load_into(model)
    assert model.weight.tolist() == [[2.0, 2.0]]


def test_best_weights_round_trips_through_state():
    model, error_of = nn.Linear(2, 1), lambda figures: figures["error"]
    first, second = BestWeights(error_of), BestWeights(error_of)
    update(first, model, 3.0, 2.0)
    second.restore(first.state())
    update(second, model, 2.5)
    second.load_into(model)
    assert (second.step, model.weight.tolist()) == (2, [[2.0, 2.0]])


def test_best_weights_without_error_stores_nothing():
    best, model = BestWeights(None), nn.Linear(2, 1)
    update(best, model, 3.0, 1.0)
    assert best.step is None
    assert best.state() is None
    best.load_into(model)
    assert model.weight.tolist() == [[2.0, 2.0]]
    best.restore(None)
    assert best.step is None
