"""Of several beats one sends the ticks, and another takes its place as soon as it is gone."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kombu.connection import Connection
from kombu.simple import SimpleQueue
from sqlalchemy import text

from services.scheduler.schedules import QUEUE
from services.scheduler.turn import LOCK_KEY
from shared.persistence.session_lock import LockLost, SessionLock
from tests.integration.conftest import Database

Start = Callable[[str], subprocess.Popen[bytes]]


@pytest.fixture
def start(database: Database, amqp_url: str, tmp_path: Path) -> Iterator[Start]:
    """Starts a beat that ticks five times a second; all share one folder, as in a container's volume."""
    _drained(amqp_url)
    beats: list[subprocess.Popen[bytes]] = []

    def start_one(name: str) -> subprocess.Popen[bytes]:
        environment = {
            "PATH": os.environ["PATH"],
            "ENVIRONMENT": "sandbox",
            "DATABASE_URL": database.application.url.render_as_string(hide_password=False),
            "AMQP_URL": amqp_url,
            "HEALTH_PORT": "0",
            "STATE_DIR": str(tmp_path / "state"),
            "RECOVERY_SECONDS": "0.2",
        }
        with (tmp_path / f"{name}.log").open("ab") as log:
            command = [sys.executable, "-m", "services.scheduler", "beat"]
            beats.append(subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT))
        return beats[-1]

    yield start_one
    for beat in beats:
        beat.kill()
        beat.wait()


def test_of_two_beats_only_one_sends_ticks(start: Start, amqp_url: str, tmp_path: Path) -> None:
    first = start("first")
    _await_log(tmp_path / "first.log", "beat.active")
    second = start("second")
    _await_log(tmp_path / "second.log", "beat.standing_by")
    _drained(amqp_url)

    senders = _senders(amqp_url, ticks=10)

    assert senders == {first.pid}
    assert second.poll() is None


def test_when_the_beat_at_work_is_killed_the_other_takes_over(start: Start, amqp_url: str, tmp_path: Path) -> None:
    first = start("first")
    _await_log(tmp_path / "first.log", "beat.active")
    second = start("second")
    _await_log(tmp_path / "second.log", "beat.standing_by")

    first.kill()
    first.wait()
    _await_log(tmp_path / "second.log", "beat.active")
    _drained(amqp_url)

    assert _senders(amqp_url, ticks=3) == {second.pid}


def test_a_beat_that_loses_its_lock_says_so_and_begins_anew_behind_the_other(
    start: Start, amqp_url: str, tmp_path: Path, database: Database
) -> None:
    first = start("first")
    _await_log(tmp_path / "first.log", "beat.active")
    second = start("second")
    _await_log(tmp_path / "second.log", "beat.standing_by")

    with database.owner.connect() as connection:
        holder = (
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = :key AND granted"
        )
        connection.execute(text(holder), {"key": LOCK_KEY})
        connection.commit()

    _await_log(tmp_path / "first.log", "beat.lock_lost")
    _await_log(tmp_path / "first.log", "beat.active|beat.standing_by", after="beat.lock_lost")
    _await_any_tick(amqp_url)
    _drained(amqp_url)
    senders = _senders(amqp_url, ticks=10)
    assert len(senders) == 1
    assert senders <= {first.pid, second.pid}


def test_a_beat_that_stands_by_stops_when_told(start: Start, tmp_path: Path) -> None:
    start("first")
    _await_log(tmp_path / "first.log", "beat.active")
    second = start("second")
    _await_log(tmp_path / "second.log", "beat.standing_by")

    second.send_signal(signal.SIGTERM)

    assert second.wait(20) == 0


def test_a_killed_beat_goes_on_with_the_schedule_that_it_left(start: Start, amqp_url: str, tmp_path: Path) -> None:
    first = start("first")
    _await_log(tmp_path / "first.log", "beat.active")
    _await_any_tick(amqp_url)

    first.kill()
    first.wait()
    left = {path.name: path.stat().st_size for path in (tmp_path / "state").glob("beat-schedule*")}
    again = start("again")
    _await_log(tmp_path / "again.log", "beat.active")
    _drained(amqp_url)

    assert left
    assert _senders(amqp_url, ticks=2) == {again.pid}
    assert "corrupted" not in (tmp_path / "again.log").read_text()


def _for_seconds(seconds: float) -> Iterator[None]:
    give_up_at = time.monotonic() + seconds
    while time.monotonic() < give_up_at:
        yield
        time.sleep(0.05)


def test_a_lock_is_lost_with_its_session_and_somebody_elses_check_says_so(database: Database) -> None:
    url = database.application.url.render_as_string(hide_password=False)
    first, second = SessionLock(url, 77, "first"), SessionLock(url, 77, "second")

    assert (first.acquire(), second.acquire()) == (True, False)
    first.check()
    with pytest.raises(LockLost):
        second.check()
    first.release()

    # The server notices the end of a session a moment later.
    assert any(second.acquire() for _ in _for_seconds(5))
    second.check()
    with pytest.raises(LockLost):
        first.check()
    second.release()


def _await_log(path: Path, wanted: str, *, after: str = "") -> None:
    """Until the log has one of the words ``wanted``, behind ``after`` if that is given."""
    give_up_at = time.monotonic() + 60
    while time.monotonic() < give_up_at:
        told = path.read_text() if path.exists() else ""
        behind = told[told.index(after) :] if after in told else ""
        if any(word in behind for word in wanted.split("|")):
            return
        time.sleep(0.1)
    pytest.fail(f"{path.name} never said {wanted}:\n{path.read_text()[-2000:]}")


def _queue(connection: Connection) -> SimpleQueue:
    return SimpleQueue(connection.channel(), QUEUE, no_ack=True)


def _drained(amqp_url: str) -> None:
    with Connection(amqp_url) as connection:
        channel = connection.channel()
        channel.queue_declare(QUEUE, durable=True, auto_delete=False)
        channel.queue_purge(QUEUE)


def _await_any_tick(amqp_url: str) -> None:
    assert _senders(amqp_url, ticks=1)


def _senders(amqp_url: str, *, ticks: int) -> set[int]:
    """The processes that sent the next ``ticks``: Celery writes ``gen<pid>@<host>`` into each."""
    with Connection(amqp_url) as connection:
        queue = _queue(connection)
        origins = [str(queue.get(timeout=60).headers["origin"]) for _ in range(ticks)]
    return {int(origin.partition("@")[0].removeprefix("gen")) for origin in origins}
