"""What becomes of a delivery: acknowledged last, tried again later, or set aside; never lost."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.contracts.messages.codec import AnyMessage, encode
from shared.contracts.messages.envelope import OutgoingMessage
from shared.contracts.messages.events import ProviderEventReceived
from shared.domain.errors import IllegalTransition
from shared.messaging.consumer import Consequence, ErrorTable, QueueConsumer
from shared.messaging.dead_letters import (
    FIRST_ERROR_HEADER,
    LAST_ERROR_HEADER,
    QUEUE_HEADER,
    REASON_HEADER,
    read_letter,
)
from shared.messaging.deliveries import TRIES_HEADER
from shared.messaging.retry_ladder import RetryLadder
from shared.persistence.errors import StorageBusy, StorageUnavailable
from shared.runtime.correlation import correlation_headers, current_request_id
from shared.runtime.identifiers import new_id
from tests.fakes.clock import NOON
from tests.fakes.publisher import FakePublisher

QUEUE = "gw.q.cmd.cpay"
MESSAGE = ProviderEventReceived(
    message_id=new_id(), occurred_at=NOON, correlation_id=new_id(), webhook_event_id=new_id(), provider="cpay"
)
ERRORS = ErrorTable(
    [
        (StorageUnavailable, Consequence.HOLD),
        (IllegalTransition, Consequence.ACKNOWLEDGE),
        (PermissionError, Consequence.DEAD_LETTER),
    ]
)


class FakeDelivery:
    """A message in a consumer's hand; ``fate`` is what was told the broker."""

    def __init__(self, body: bytes | str, **headers: object) -> None:
        self.body, self.headers = body, headers
        self.properties: dict[str, Any] = {
            "type": MESSAGE.type,
            "correlation_id": "c1",
            "message_id": str(MESSAGE.message_id),
        }
        self.delivery_info = {"exchange": "gw.cmd", "routing_key": "cpay.x"}
        self.fate: list[str] = []

    def ack(self) -> None:
        self.fate.append("ack")

    def requeue(self) -> None:
        self.fate.append("requeue")


class Stage:
    """A consumer whose handler does as it is told."""

    def __init__(self, handle: Callable[[AnyMessage], None], monkeypatch: pytest.MonkeyPatch) -> None:
        self.publisher = FakePublisher()
        self.pauses: list[float] = []
        self.consumer = QueueConsumer(
            "amqp://127.0.0.1:1//", [QUEUE], handle, ERRORS, RetryLadder((100, 200)), hold_seconds=120.0
        )
        self.consumer._publisher = self.publisher
        monkeypatch.setattr("shared.messaging.consumer.time.sleep", self.pauses.append)

    def deliver(self, delivery: FakeDelivery) -> list[str]:
        self.consumer._on_delivery(QUEUE, delivery)  # type: ignore[arg-type] # behaves like one
        return delivery.fate

    @property
    def copies(self) -> list[OutgoingMessage]:
        return self.publisher.published


def _failing(*errors: Exception | None) -> Callable[[AnyMessage], None]:
    left = list(errors)

    def handle(_message: AnyMessage) -> None:
        error = left.pop(0)
        if error is not None:
            raise error

    return handle


def _delivery(**headers: object) -> FakeDelivery:
    return FakeDelivery(encode(MESSAGE), **headers)


def test_what_was_handled_is_acknowledged_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    delivery, seen = _delivery(), []
    stage = Stage(lambda message: seen.append((message, list(delivery.fate))), monkeypatch)

    assert stage.deliver(delivery) == ["ack"]
    assert seen == [(MESSAGE, [])]


def test_a_body_that_the_client_library_decoded_to_text_is_read_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Stage(_failing(None), monkeypatch).deliver(FakeDelivery(encode(MESSAGE).decode())) == ["ack"]


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff", b'{"type":"payment.initialize.v9"}', b"x" * 70_000])
def test_what_cannot_be_read_is_set_aside_at_once(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(_failing(), monkeypatch)

    assert stage.deliver(FakeDelivery(body)) == ["ack"]
    (letter,) = stage.copies
    assert (letter.exchange, letter.headers[REASON_HEADER], letter.body) == ("gw.dlx", "unreadable", body)


@pytest.mark.parametrize(
    ("error", "goes_to"),
    [
        (IllegalTransition("completed", "decline"), []),
        (PermissionError("x"), ["gw.dlx"]),
        (KeyError("a bug"), ["gw.delay.100"]),
    ],
    ids=["acknowledged", "set aside", "tried again later"],
)
def test_an_error_has_the_consequence_of_its_row(
    error: Exception, goes_to: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(_failing(error), monkeypatch)

    assert stage.deliver(_delivery()) == ["ack"]
    assert [copy.exchange for copy in stage.copies] == goes_to


def test_the_first_matching_row_decides() -> None:
    table = ErrorTable([(StorageBusy, Consequence.RETRY), (StorageUnavailable, Consequence.HOLD)])

    assert table.consequence_of(StorageBusy("x")) is Consequence.RETRY
    assert table.consequence_of(StorageUnavailable("x")) is Consequence.HOLD


@pytest.mark.parametrize(
    ("header", "exchange", "next_header"), [(None, "gw.delay.100", "1"), ("1", "gw.delay.200", "2")]
)
def test_a_bug_sends_the_message_up_the_ladder(
    header: str | None, exchange: str, next_header: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(_failing(KeyError("a bug")), monkeypatch)

    assert stage.deliver(_delivery(**({TRIES_HEADER: header} if header else {}))) == ["ack"]

    (copy,) = stage.copies
    assert (copy.exchange, copy.routing_key, copy.headers[TRIES_HEADER]) == (exchange, QUEUE, next_header)
    assert (copy.body, copy.type, copy.correlation_id) == (encode(MESSAGE), MESSAGE.type, "c1")
    assert copy.message_id == MESSAGE.message_id


def test_when_the_ladder_is_spent_the_message_is_set_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(_failing(KeyError("a bug")), monkeypatch)

    assert stage.deliver(_delivery(**{TRIES_HEADER: "2"})) == ["ack"]
    (letter,) = stage.copies
    assert (letter.exchange, letter.headers[REASON_HEADER], letter.headers[TRIES_HEADER]) == (
        "gw.dlx",
        "retries_spent",
        "3",
    )
    assert (letter.headers[QUEUE_HEADER], letter.message_id, letter.body) == (
        QUEUE,
        MESSAGE.message_id,
        encode(MESSAGE),
    )


def test_a_letter_tells_the_first_error_and_the_last_of_all_its_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(_failing(KeyError("first"), ValueError("second"), OSError("third\nwith a row in it")), monkeypatch)
    delivery = _delivery()

    for _ in range(3):
        stage.deliver(delivery)
        delivery = FakeDelivery(stage.copies[-1].body, **stage.copies[-1].headers)

    letter = read_letter(delivery, NOON)  # type: ignore[arg-type] # behaves like one
    assert letter.first_error is not None
    assert letter.last_error is not None
    assert (letter.first_error.error, letter.first_error.message) == ("KeyError", "'first'")
    assert (letter.last_error.error, letter.last_error.message) == ("OSError", "third")
    assert (letter.tries, letter.reason, letter.queue) == (3, "retries_spent", QUEUE)


def test_what_an_error_says_is_redacted_in_the_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(_failing(PermissionError("of +254700000001, Bearer abcdefghijkl")), monkeypatch)

    stage.deliver(_delivery())

    told = stage.copies[0].headers[FIRST_ERROR_HEADER] + stage.copies[0].headers[LAST_ERROR_HEADER]
    assert "700000001" not in told
    assert "abcdefghijkl" not in told
    assert "PermissionError" in told


def test_a_letter_that_the_broker_does_not_take_stays_in_its_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(_failing(PermissionError("x")), monkeypatch)
    stage.publisher.fails_after = 0

    assert stage.deliver(_delivery()) == ["requeue"]


def test_a_letter_is_the_dead_letters_before_it_is_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    delivery, seen = _delivery(), []
    stage = Stage(_failing(PermissionError("x")), monkeypatch)
    stage.publisher.before_publishing = lambda: seen.append(list(delivery.fate))

    stage.deliver(delivery)

    assert (seen, delivery.fate) == ([[]], ["ack"])


@pytest.mark.parametrize("header", ["x", "", "-1", None, "1e3"])
def test_a_count_of_tries_that_is_none_starts_anew(header: object, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(_failing(KeyError("a bug")), monkeypatch)

    stage.deliver(_delivery(**{TRIES_HEADER: header}))

    assert [copy.exchange for copy in stage.copies] == ["gw.delay.100"]


def test_of_what_it_came_with_a_copy_keeps_only_the_ids_of_its_request(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(_failing(KeyError("a bug")), monkeypatch)

    stage.deliver(_delivery(**{"x-request-id": "r1", "x-death": [{"count": 3}], "x-delivery-count": 2}))

    ours = {TRIES_HEADER, FIRST_ERROR_HEADER, LAST_ERROR_HEADER}
    assert set(stage.copies[0].headers) == {"x-request-id", *ours}


def test_a_message_that_cannot_be_sent_up_the_ladder_goes_back_to_its_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(_failing(KeyError("a bug")), monkeypatch)
    stage.publisher.fails_after = 0

    assert stage.deliver(_delivery()) == ["requeue"]
    assert stage.pauses == [1]


def test_a_publisher_whose_connection_broke_meanwhile_costs_no_try(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(_failing(KeyError("a bug")), monkeypatch)
    stage.publisher.fails_after = 0

    def mend_after_the_first() -> None:
        stage.publisher.before_publishing = lambda: setattr(stage.publisher, "fails_after", None)

    stage.publisher.before_publishing = mend_after_the_first

    assert stage.deliver(_delivery()) == ["ack"]
    assert len(stage.copies) == 1


def test_while_the_database_is_away_the_message_is_held_and_tried_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    away = StorageUnavailable("x")
    stage = Stage(_failing(*[away] * 6, None), monkeypatch)

    assert stage.deliver(_delivery()) == ["ack"]
    assert stage.pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0]
    assert stage.copies == []


def test_a_message_is_not_held_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(_failing(*[StorageUnavailable("x")] * 2), monkeypatch)
    times = iter([1000.0, 1001.0, 1121.0])
    monkeypatch.setattr("shared.messaging.consumer.time.monotonic", lambda: next(times))

    assert stage.deliver(_delivery()) == ["ack"]
    assert [copy.exchange for copy in stage.copies] == ["gw.delay.100"]


def test_a_process_that_stops_does_not_hold_its_message(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(_failing(StorageUnavailable("x")), monkeypatch)
    stage.consumer.stop()

    assert stage.deliver(_delivery()) == ["ack"]
    assert [copy.exchange for copy in stage.copies] == ["gw.delay.100"]
    assert stage.pauses == []


def test_the_ids_of_a_message_are_its_handlers_and_gone_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, str]] = []
    stage = Stage(lambda _message: seen.append(correlation_headers()), monkeypatch)

    stage.deliver(_delivery(**{"x-request-id": "r1", "x-correlation-id": "c1"}))
    stage.deliver(_delivery(**{"x-request-id": "bad id\n"}))

    assert seen == [{"x-request-id": "r1", "x-correlation-id": "c1"}, {}]
    assert current_request_id() is None


def test_a_count_of_tries_that_is_no_number_of_ours_is_a_ladder_that_is_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(_failing(RuntimeError("a bug")), monkeypatch)

    assert stage.deliver(FakeDelivery(encode(MESSAGE), **{TRIES_HEADER: "9" * 5_000})) == ["ack"]
    (letter,) = stage.publisher.published
    assert letter.headers[REASON_HEADER] == "retries_spent"
