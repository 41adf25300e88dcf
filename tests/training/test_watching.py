import os
import signal

import pytest
import torch

from doorlab.errors import TrainingError
from doorlab.signals import STOP_SIGNALS, stops_handled
from doorlab.training.watching import FiniteWatch, StopRequest

ONE = torch.tensor(1.0)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_the_first_bad_loss_is_named(value):
    watch = FiniteWatch(torch.device("cpu"))
    watch.look(11, ONE, ONE)
    watch.check(seed=5)
    for step in (12, 13):
        watch.look(step, torch.tensor(value), ONE)
    with pytest.raises(TrainingError, match=rf"a loss of {value} at step 12 .*seed 5"):
        watch.check(seed=5)


def test_a_bad_gradient_of_a_good_loss_is_bad():
    watch = FiniteWatch(torch.device("cpu"))
    watch.look(3, ONE, torch.tensor(float("inf")))
    with pytest.raises(
        TrainingError, match="gradient that is not finite, of a loss of 1 at step 3"
    ):
        watch.check(seed=0)


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_signal_is_a_request(number):
    before = signal.getsignal(number)
    stop = StopRequest()
    with stops_handled(stop):
        assert not stop.requested
        os.kill(os.getpid(), number)
        assert stop.requested
        with pytest.raises(KeyboardInterrupt):  # a second one is an order
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_signals_of_two_kinds_are_one_request():
    stop = StopRequest()
    with stops_handled(stop):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.requested
