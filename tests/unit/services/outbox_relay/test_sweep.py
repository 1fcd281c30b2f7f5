"""The relay's loop."""

import threading

import pytest

from services.outbox_relay.outbox_sweep import BATCH
from services.outbox_relay.sweep import Sweeper


def _run(outbox: list[int | Exception], leases: list[int | Exception], *, pause_seconds: float = 0) -> list[str]:
    """Turns until ``outbox`` has nothing more to give; what was called, in order."""
    calls: list[str] = []
    stopping = threading.Event()

    def take(name: str, results: list[int | Exception]) -> int:
        calls.append(name)
        if name == "outbox" and len(results) == 1:
            stopping.set()
        result = results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    sweeper = Sweeper(lambda: take("outbox", outbox), lambda: take("leases", leases), pause_seconds=pause_seconds)
    sweeper.run(stopping)
    return calls


def test_a_turn_looks_at_the_leases_and_then_at_the_outbox() -> None:
    assert _run([0], [0]) == ["leases", "outbox"]


def test_every_sweep_of_the_second_has_its_turn() -> None:
    calls: list[str] = []
    stopping = threading.Event()

    def look(name: str) -> int:
        calls.append(name)
        if name == "outbox":
            stopping.set()
        return 0

    sweeps = [lambda name=name: look(name) for name in ("leases", "callbacks")]
    Sweeper(lambda: look("outbox"), *sweeps, pause_seconds=0).run(stopping)

    assert calls == ["leases", "callbacks", "outbox"]


def test_the_leases_wait_a_second_between_two_looks() -> None:
    assert _run([0, 0, 0], [0]) == ["leases", "outbox", "outbox", "outbox"]


def test_a_full_batch_is_followed_by_the_next_without_a_pause() -> None:
    assert _run([BATCH, 0], [0], pause_seconds=0) == ["leases", "outbox", "outbox"]


@pytest.mark.parametrize("error", [RuntimeError("a bug"), ConnectionError("away")])
def test_an_error_ends_a_sweep_and_never_the_loop(error: Exception) -> None:
    assert _run([error, 0], [0]) == ["leases", "outbox", "outbox"]


def test_leases_that_cannot_be_looked_at_keep_no_message_from_going_out() -> None:
    assert _run([0, 0], [RuntimeError("a bug")]) == ["leases", "outbox", "outbox"]


def test_a_sweep_that_fails_keeps_no_other_from_its_turn() -> None:
    calls: list[str] = []
    stopping = threading.Event()

    def look(name: str) -> int:
        calls.append(name)
        if name == "outbox":
            stopping.set()
        raise RuntimeError("a bug")

    sweeps = [lambda name=name: look(name) for name in ("leases", "callbacks")]
    Sweeper(lambda: look("outbox"), *sweeps, pause_seconds=0).run(stopping)

    assert calls == ["leases", "callbacks", "outbox"]
