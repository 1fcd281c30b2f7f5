"""What clients read."""

import json

import pytest

from services.notifier.frames import LOST, feed_opened, of_event, resync_required, snapshot
from shared.domain.channel import Channel, ChannelKind
from shared.domain.movement_status import MovementStatus
from shared.domain.outcome import Succeeded
from shared.domain.transaction_status import TransactionStatus
from tests.fakes.books import Books
from tests.fakes.clock import NOON
from tests.fakes.makers import USER, a_context, a_payment, a_payout

EPOCH = "0123456789ab"


def test_a_frame_says_what_happened_where_it_stands_and_the_payment_of_that_moment() -> None:
    books, payment = Books(), a_payment(status=TransactionStatus.PROCESSING, metadata={"shop": "Käse"})
    books.put(payment)
    books.apply(payment, Succeeded(reference="P1"), context=a_context())
    (event,) = books.events(payment)

    written = of_event(event, EPOCH).text

    read = json.loads(written)
    assert {name: value for name, value in read.items() if name != "data"} == {
        "id": str(event.id),
        "type": "payment.completed",
        "sequence": 2,
        "cursor": event.cursor,
        "epoch": EPOCH,
        "transaction_id": str(payment.id),
        "occurred_at": "2026-01-15T12:00:00.000Z",
    }
    assert (read["data"]["status"], read["data"]["amount"]) == ("completed", "1000.00")
    assert "\n" not in written
    assert "Käse" in written


def test_a_frame_of_a_payout_names_the_payout_and_no_payment() -> None:
    books, payout = Books(), a_payout(status=MovementStatus.PROCESSING)
    books.put_payout(payout)
    books.apply(payout, Succeeded(reference="PO1"), context=a_context())
    (event,) = books.events(payout)

    read = json.loads(of_event(event, EPOCH).text)

    assert (read["type"], read["payout_id"], "transaction_id" in read) == ("payout.completed", str(payout.id), False)
    assert (read["sequence"], read["data"]["status"], read["data"]["provider_payout_id"]) == (2, "succeeded", "PO1")


def test_a_snapshot_is_the_payment_as_it_is_and_says_up_to_where() -> None:
    payment = a_payment(status=TransactionStatus.PROCESSING)

    read = json.loads(snapshot(payment, EPOCH).text)

    assert read.pop("id")
    assert {name: value for name, value in read.items() if name != "data"} == {
        "type": "payment.snapshot",
        "sequence": payment.version,
        "epoch": EPOCH,
        "transaction_id": str(payment.id),
        "occurred_at": "2026-01-15T12:00:00.000Z",
    }
    assert (read["data"]["id"], read["data"]["status"]) == (str(payment.id), "processing")


def test_a_feed_says_from_where_it_goes_on() -> None:
    read = json.loads(feed_opened(Channel(ChannelKind.USER, USER), "7.x", EPOCH, NOON).text)

    assert (read["type"], read["cursor"], read["epoch"], read["data"]) == (
        "feed.opened",
        "7.x",
        EPOCH,
        {"user_id": str(USER)},
    )


@pytest.mark.parametrize("why", LOST)
@pytest.mark.parametrize("kind", ChannelKind)
def test_who_must_begin_anew_is_told_why_and_what_to_do(why: str, kind: ChannelKind) -> None:
    read = json.loads(resync_required(Channel(kind, USER), why, EPOCH, NOON).text)

    assert (read["type"], read["epoch"], read["data"]["reason"]) == ("resync_required", EPOCH, why)
    assert read["data"]["what_to_do"]
