import torch
from torch import nn

from doorlab.training.best import Best


def look(best, model, *errors):
    for step, error in enumerate(errors, 1):
        with torch.no_grad():
            model.weight.fill_(step)
        best.look(step, {"error": error}, model)


def test_the_weights_with_the_smallest_error_come_back():
    best, model = Best(lambda figures: figures["error"]), nn.Linear(2, 1)
    look(best, model, 3.0, 1.0, float("nan"), 1.0, 2.0)
    assert (best.step, best.error) == (2, 1.0)  # of equal ones the first
    best.put_into(model)
    assert model.weight.tolist() == [[2.0, 2.0]]


def test_what_is_stored_goes_on_as_if_never_stopped():
    model, error_of = nn.Linear(2, 1), lambda figures: figures["error"]
    first, second = Best(error_of), Best(error_of)
    look(first, model, 3.0, 2.0)
    second.restore(first.state())
    look(second, model, 2.5)
    second.put_into(model)
    assert (second.step, model.weight.tolist()) == (2, [[2.0, 2.0]])


def test_without_an_error_nothing_is_remembered():
    best, model = Best(None), nn.Linear(2, 1)
    look(best, model, 3.0, 1.0)
    assert best.step is None
    assert best.state() is None
    best.put_into(model)
    assert model.weight.tolist() == [[2.0, 2.0]]
    best.restore(None)
    assert best.step is None
