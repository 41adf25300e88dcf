import threading
import time

import pytest

from doorlab.parallel.prefetch import Prefetcher


def test_prefetcher_returns_values_in_order_and_computes_once():
    computed = []
    with Prefetcher(lambda n: computed.append(n) or n * n, 6) as ahead:
        assert [ahead(n) for n in (2, 2, 3, 4, 4, 5)] == [4, 4, 9, 16, 16, 25]
    assert computed == [2, 3, 4, 5]


def test_prefetcher_computes_next_value_ahead_and_measures_waiting():
    begun, go_on = threading.Event(), threading.Event()

    def compute(n):
        if n == 1:
            begun.set()
            assert go_on.wait(10)
            time.sleep(0.1)
        return threading.current_thread().name

    with Prefetcher(compute, 9) as ahead:
        assert ahead(0) != threading.current_thread().name
        assert begun.wait(10)  # while nobody has asked for it
        before = ahead.waited
        go_on.set()
        ahead(1)
        assert 0.05 < ahead.waited - before < 5


def test_prefetcher_propagates_errors_and_stops_thread():
    def compute(n):
        if n == 1:
            raise ZeroDivisionError("in the thread")
        return n

    before = threading.active_count()
    with Prefetcher(compute, 3) as ahead:
        assert ahead(0) == 0
        with pytest.raises(ZeroDivisionError, match="in the thread"):
            ahead(1)
    assert threading.active_count() == before


def test_prefetcher_computes_several_values_ahead_at_once():
    meeting = threading.Barrier(3)

    def compute(n):
        if n in (1, 2, 3):
            meeting.wait(10)  # fails unless three threads come here
        return n

    with Prefetcher(compute, 5, ahead=3) as ahead:
        assert [ahead(n) for n in range(5)] == list(range(5))


def test_prefetcher_never_holds_more_values_than_requested():
    computed = []
    with Prefetcher(lambda n: computed.append(n) or n, 100, ahead=2) as ahead:
        ahead(0)
        time.sleep(0.05)
        assert max(computed) <= 2
