"""Somebody hears of it when messages do not leave."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from services.scheduler.outbox_watchdog import OutboxWatchdog
from shared.application.addressing import command_now
from shared.application.commands import next_payment_command
from shared.contracts.messages.envelope import OutgoingMessage
from shared.runtime.metrics import OUTBOX_STUCK, OUTBOX_UNDELIVERABLE
from tests.fakes.books import Books
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.makers import a_payment

PATIENCE = timedelta(seconds=60)


def _left(books: Books) -> OutgoingMessage:
    message = command_now(next_payment_command(a_payment(), NOON))
    books.do(lambda work: work.outbox.add(message))
    return message


def _value(gauge: object) -> float:
    (sample,) = gauge.collect()[0].samples  # type: ignore[attr-defined] # a Gauge
    return float(sample.value)


@pytest.mark.parametrize(("age", "stuck"), [(0, 0), (60, 0), (60.001, 1), (9999, 1)])
def test_a_message_that_grows_too_old_raises_the_alert(age: float, stuck: int) -> None:
    books, clock = Books(), FakeClock()
    _left(books)
    clock.advance(age)

    OutboxWatchdog(books.unit_of_work, clock, PATIENCE)()

    assert _value(OUTBOX_STUCK) == stuck


def test_the_alert_is_logged_once_and_so_is_its_end() -> None:
    books, clock = Books(), FakeClock()
    message = _left(books)
    watchdog = OutboxWatchdog(books.unit_of_work, clock, PATIENCE)
    clock.advance(61)

    with capture_logs() as logs:
        watchdog()
        watchdog()
        books.do(lambda work: work.outbox.mark_published([message.message_id], clock.now()))
        watchdog()
        watchdog()

    assert [(each["log_level"], each["event"]) for each in logs] == [
        ("error", "outbox.stuck"),
        ("info", "outbox.moves_again"),
    ]
    assert _value(OUTBOX_STUCK) == 0


def test_what_the_broker_refused_is_counted_until_it_has_it() -> None:
    books, clock = Books(), FakeClock()
    first, second = _left(books), _left(books)
    books.do(lambda work: work.outbox.put_off({first.message_id: "unroutable", second.message_id: "nacked"}, NOON))
    books.do(lambda work: work.outbox.mark_published([second.message_id], NOON))

    assert OutboxWatchdog(books.unit_of_work, clock, PATIENCE)() == 1
    assert _value(OUTBOX_UNDELIVERABLE) == 1


def test_an_empty_outbox_is_well() -> None:
    assert OutboxWatchdog(Books().unit_of_work, FakeClock(), PATIENCE)() == 0
    assert _value(OUTBOX_STUCK) == 0
