"""A letter is acknowledged after it is stored; how many wait, and how long, is measured."""

from typing import Any

import pytest

from services.outbox_relay.letters import LettersWatch
from shared.application.commands import next_payment_command
from shared.application.keep_dead_letter import KeepDeadLetter
from shared.contracts.messages.codec import encode
from shared.messaging.letter_consumer import LetterConsumer
from shared.runtime.metrics import DEAD_LETTERS_OLDEST_SECONDS, DEAD_LETTERS_WAITING
from tests.fakes.books import Books
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.letters import keep, letters
from tests.fakes.makers import a_payment

COMMAND = next_payment_command(a_payment(), NOON)


class Delivery:
    """A dead letter in the keeper's hand; ``fate`` is what was told the broker."""

    def __init__(self, body: bytes, headers: dict[str, Any] | None = None, **properties: Any) -> None:
        self.body, self.headers, self.properties = body, headers or {}, properties
        self.delivery_info = {"exchange": "gw.dlx", "routing_key": "cpay.x"}
        self.fate: list[str] = []

    def ack(self) -> None:
        self.fate.append("ack")

    def requeue(self) -> None:
        self.fate.append("requeue")


def _deliver(books: Books, delivery: Delivery) -> list[str]:
    consumer = LetterConsumer("amqp://127.0.0.1:1//", KeepDeadLetter(books.unit_of_work), FakeClock())
    consumer._stopping.set()  # no pauses in tests
    consumer._on_delivery(delivery)  # type: ignore[arg-type] # behaves like one
    return delivery.fate


@pytest.mark.parametrize(
    "delivery",
    [
        Delivery(encode(COMMAND), message_id=str(COMMAND.message_id), type=COMMAND.type, timestamp=1),
        Delivery(b"\xff" * 1_000_000),
        Delivery(b"", {"x-died-at": "never", "x-first-error": "{", "x-death": "x"}, message_id="x", timestamp="x"),
        Delivery(b"x\x00", {"a\x00": "\ud800", "deep": [[{"x": b"\xff"}]], "big": "x" * 9_000}, type="t\x00\ud800"),
        Delivery(b"{}", {"x-first-error": "[1]", "x-last-error": '{"error":1}', "x-attempt": "-1"}),
        Delivery(b"{}", {"x-attempt": "9" * 5_000}),
    ],
    ids=["ours", "1 MB", "lies", "no text", "odd", "tried without end"],
)
def test_whatever_died_is_kept_and_only_then_acknowledged(delivery: Delivery) -> None:
    books = Books()

    assert _deliver(books, delivery) == ["ack"]
    assert [letter.tries < 2**31 for letter in letters(books)] == [True]


def test_with_the_database_away_the_letter_stays_with_the_broker() -> None:
    books = Books()
    books.database.is_away = True

    assert _deliver(books, Delivery(encode(COMMAND))) == ["requeue"]


def test_a_letter_without_an_id_is_one_row_however_often_it_is_delivered() -> None:
    books = Books()

    for _ in range(2):
        _deliver(books, Delivery(b"no id", timestamp=1))
    _deliver(books, Delivery(b"another", timestamp=1))

    assert [each.deaths for each in letters(books)] == [1, 1]


def test_what_the_broker_set_aside_says_where_and_why() -> None:
    books = Books()
    death = {"queue": "gw.q.cmd.cpay", "reason": "delivery_limit", "exchange": "gw.cmd", "time": NOON}
    earlier = {"queue": "gw.q.delay.60000", "reason": "expired", "time": NOON}
    headers = {"x-death": [death, earlier], "x-first-death-queue": "gw.q.delay.60000", "x-attempt": "2"}

    _deliver(books, Delivery(encode(COMMAND), headers, message_id=str(COMMAND.message_id)))

    (letter,) = letters(books)
    assert (letter.queue, letter.reason, letter.exchange) == ("gw.q.cmd.cpay", "delivery_limit", "gw.cmd")
    assert (letter.tries, letter.last_died_at, letter.first_error) == (2, NOON, None)


def test_how_many_wait_and_how_long_is_measured() -> None:
    books, clock = Books(), FakeClock()
    for _ in range(2):
        keep(books, next_payment_command(a_payment(), NOON))
    clock.advance(90)

    assert LettersWatch(books.unit_of_work, clock)() == 2
    assert (DEAD_LETTERS_WAITING._value.get(), DEAD_LETTERS_OLDEST_SECONDS._value.get()) == (2, 90)

    LettersWatch(Books().unit_of_work, clock)()
    assert (DEAD_LETTERS_WAITING._value.get(), DEAD_LETTERS_OLDEST_SECONDS._value.get()) == (0, 0)
