"""Waiting ends in time, and at once when the run is undone."""

import threading
import time

import pytest

from deploy.local.errors import Cancelled, LocalError
from deploy.local.waiting import in_parallel, wait_until


def test_a_condition_that_never_comes_true_ends_the_wait_in_time() -> None:
    assert not wait_until(lambda: False, 0.1, threading.Event())


def test_an_undone_run_stops_waiting() -> None:
    cancelled = threading.Event()
    cancelled.set()

    with pytest.raises(Cancelled):
        wait_until(lambda: False, 60, cancelled)


def test_answers_come_in_the_order_of_the_questions() -> None:
    def slow() -> str:
        time.sleep(0.1)
        return "slow"

    assert in_parallel([slow, lambda: "fast"], threading.Event()) == ["slow", "fast"]


def test_the_first_failure_ends_the_others_and_is_the_one_that_is_told() -> None:
    cancelled = threading.Event()

    def fail() -> None:
        raise LocalError("it is missing")

    with pytest.raises(LocalError, match="it is missing"):
        in_parallel([lambda: wait_until(lambda: False, 60, cancelled), fail], cancelled)


def test_nothing_to_do_is_done_at_once() -> None:
    assert in_parallel([], threading.Event()) == []
