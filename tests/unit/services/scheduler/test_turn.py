"""A beat waits for its turn, and says when it has lost it."""

import threading

import pytest

from services.scheduler.turn import await_turn, watch
from shared.persistence.errors import StorageUnavailable
from shared.persistence.session_lock import LockLost, SessionLock


class ScriptedLock(SessionLock):
    """Gives the answers that it was told to give, in order; the last one for ever."""

    def __init__(self, *answers: bool | Exception) -> None:
        self._answers = list(answers)
        self.asked = 0

    def acquire(self) -> bool:
        return self._next()

    def check(self) -> None:
        self._next()

    def _next(self) -> bool:
        self.asked += 1
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_beat_begins_when_the_lock_is_free() -> None:
    lock = ScriptedLock(False, False, True)

    assert await_turn(lock, threading.Event(), look_seconds=0)
    assert lock.asked == 3


def test_a_database_that_is_away_is_waited_for() -> None:
    assert await_turn(ScriptedLock(StorageUnavailable("OperationalError"), True), threading.Event(), look_seconds=0)


def test_a_beat_that_is_told_to_stop_while_it_waits_never_begins() -> None:
    stopping = threading.Event()
    stopping.set()

    assert not await_turn(ScriptedLock(True), stopping, look_seconds=0)


def test_a_lost_lock_is_noticed_once() -> None:
    lost: list[bool] = []

    watcher = watch(ScriptedLock(True, True, LockLost("gone")), lambda: lost.append(True), look_seconds=0.001)
    watcher.join(10)

    assert lost == [True]
    assert not watcher.is_alive()


@pytest.mark.parametrize("looks", [1, 5])
def test_while_the_lock_is_held_nothing_happens(looks: int) -> None:
    lock, lost = ScriptedLock(*[True] * looks, LockLost("the end of the test")), list[int]()

    watch(lock, lambda: lost.append(lock.asked), look_seconds=0.001).join(10)

    assert lost == [looks + 1]
