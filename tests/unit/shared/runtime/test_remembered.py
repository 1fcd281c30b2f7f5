"""A value that is found once and kept for a while."""

import threading
from collections.abc import Iterator

import pytest

from shared.runtime.remembered import Remembered


class Now:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Now:
    now = Now()
    monkeypatch.setattr("shared.runtime.remembered.time.monotonic", now)
    return now


def _numbers() -> Iterator[int]:
    yield from range(1, 100)


def test_the_value_is_found_when_first_asked_for_and_kept(now: Now) -> None:
    numbers = _numbers()
    remembered = Remembered(lambda: next(numbers), 5.0)

    assert next(numbers) == 1
    assert [remembered(), remembered(), remembered()] == [2, 2, 2]


@pytest.mark.parametrize(("later", "value"), [(4.999, 1), (5.0, 2), (50.0, 2)])
def test_the_value_is_found_again_when_it_is_too_old(later: float, value: int, now: Now) -> None:
    numbers = _numbers()
    remembered = Remembered(lambda: next(numbers), 5.0)
    remembered()

    now.seconds += later

    assert remembered() == value


def test_an_error_is_raised_and_not_kept(now: Now) -> None:
    results: list[int | Exception] = [ConnectionError("away"), 7]

    def find() -> int:
        result = results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    remembered = Remembered(find, 5.0)

    with pytest.raises(ConnectionError):
        remembered()
    assert remembered() == 7


def test_a_value_that_is_false_is_kept_too(now: Now) -> None:
    results: list[int] = [0]
    remembered = Remembered(results.pop, 5.0)

    assert [remembered(), remembered()] == [0, 0]


def test_many_threads_that_ask_at_once_find_it_once() -> None:
    found: list[int] = []
    entered = threading.Event()

    def find() -> int:
        found.append(1)
        entered.wait(0.05)
        return 7

    remembered = Remembered(find, 60.0)
    together = threading.Barrier(8)

    def ask() -> None:
        together.wait()
        remembered()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 1
