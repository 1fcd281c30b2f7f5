"""One event as clients read it."""

import json

from services.notifier.server import frame
from shared.domain.movement_status import MovementStatus
from shared.domain.outcome import Succeeded
from shared.domain.transaction_status import TransactionStatus
from tests.fakes.books import Books
from tests.fakes.makers import a_context, a_payment, a_payout


def test_a_frame_says_what_happened_where_it_stands_and_the_payment_of_that_moment() -> None:
    books, payment = Books(), a_payment(status=TransactionStatus.PROCESSING, metadata={"shop": "Käse"})
    books.put(payment)
    books.apply(payment, Succeeded(reference="P1"), context=a_context())
    (event,) = books.events(payment)

    written = frame(event)

    read = json.loads(written)
    assert {name: value for name, value in read.items() if name != "data"} == {
        "id": str(event.id),
        "type": "payment.completed",
        "sequence": 2,
        "cursor": event.cursor,
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

    read = json.loads(frame(event))

    assert (read["type"], read["payout_id"], "transaction_id" in read) == ("payout.completed", str(payout.id), False)
    assert (read["sequence"], read["data"]["status"], read["data"]["provider_payout_id"]) == (2, "succeeded", "PO1")
