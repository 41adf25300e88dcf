import os
import signal
import threading

import pytest

from doorlab.runtime.signals import STOP_SIGNALS, Interruption, stops_handled


def test_stops_handled_leaves_other_threads_alone():
    found = []

    def work():
        with stops_handled(found.append):
            found.append([signal.getsignal(number) for number in STOP_SIGNALS])

    before = [signal.getsignal(number) for number in STOP_SIGNALS]
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [before]


def test_stops_handled_keeps_ignored_signals():
    """`nohup` ignores SIGHUP."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stops_handled(lambda number, frame: pytest.fail("it was ignored")):
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_stops_handled_interrupts_on_every_signal(number):
    interruption = Interruption()
    with stops_handled(interruption):
        assert not interruption.requested
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert interruption.requested
