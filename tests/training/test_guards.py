import os
import signal
from dataclasses import replace

import pytest
import torch

from doorlab.errors import TrainingError
from doorlab.learning.embedding_cache import EmbeddedBatch
from doorlab.nn.context_sets import ContextTargetBatch, InteractionSet
from doorlab.runtime.signals import STOP_SIGNALS, stops_handled
from doorlab.training.guards import GracefulStop, NonFiniteGuard

ONE = torch.tensor(1.0)
TRIES = ContextTargetBatch(
    InteractionSet.all(torch.zeros(1, 1, 4), torch.zeros(1, 1)),
    torch.zeros(1, 1, 4),
    torch.zeros(1, 1),
)
INFINITE = InteractionSet.all(-ONE.expand(1, 1, 4) / 0, torch.zeros(1, 1))


def batch_of(step):
    return ONE, ONE


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_non_finite_guard_names_first_bad_loss(value):
    watch = NonFiniteGuard(torch.device("cpu"))
    watch.update(11, ONE, ONE)
    watch.check(5, batch_of)
    for step in (12, 13):
        watch.update(step, torch.tensor(value), ONE)
    with pytest.raises(TrainingError, match=rf"a loss of {value} at step 12 .*seed 5"):
        watch.check(5, batch_of)


def test_non_finite_guard_detects_bad_gradient_of_finite_loss():
    watch = NonFiniteGuard(torch.device("cpu"))
    watch.update(3, ONE, torch.tensor(float("inf")))
    with pytest.raises(
        TrainingError, match="gradient that is not finite, of a loss of 1 at step 3"
    ):
        watch.check(0, batch_of)


@pytest.mark.parametrize(
    ("batch", "words"),
    [
        ((ONE, torch.tensor([1.0, float("nan")])), "the data"),
        ({"width": torch.tensor(float("inf"))}, "width"),
        (replace(TRIES, rt_BT=torch.tensor([[float("nan")]])), "rewards"),
        (
            EmbeddedBatch(torch.ones(1, 2), replace(TRIES, context=INFINITE)),
            "actions",
        ),
    ],
)
def test_non_finite_guard_names_non_finite_data(batch, words):
    watch = NonFiniteGuard(torch.device("cpu"))
    watch.update(3, torch.tensor(float("nan")), ONE)
    with pytest.raises(
        TrainingError, match=rf"got NaN or infinity in {words} of .* step 3 .*seed 7"
    ):
        watch.check(7, lambda step: batch)


def test_non_finite_guard_attributes_embedding_to_model():
    watch = NonFiniteGuard(torch.device("cpu"))
    watch.update(3, torch.tensor(float("nan")), ONE)
    with pytest.raises(TrainingError, match="a loss of nan at step 3"):
        watch.check(7, lambda step: EmbeddedBatch(torch.full((1, 2), float("nan")), TRIES))


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_graceful_stop_requests_then_interrupts(number):
    before = signal.getsignal(number)
    stop = GracefulStop()
    with stops_handled(stop):
        assert not stop.requested
        os.kill(os.getpid(), number)
        assert stop.requested
        with pytest.raises(KeyboardInterrupt):  # a second one is an order
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_graceful_stop_counts_signals_of_two_kinds_once():
    stop = GracefulStop()
    with stops_handled(stop):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.requested
