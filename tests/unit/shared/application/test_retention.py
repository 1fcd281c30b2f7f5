"""What is let go of, when, and what stays."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.application.retention import BATCH, Retention, RetentionRules
from shared.domain.transaction_status import TransactionStatus
from shared.persistence.retention import KEPT, PURGED
from shared.runtime.identifiers import new_id
from tests.fakes.api import ORDER, ApiOnFakes
from tests.fakes.books import Books
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.makers import a_payment
from tests.fakes.persistence.tables import OutboxRow

RULES = RetentionRules(responses=timedelta(hours=72), outbox=timedelta(days=7), payloads=timedelta(days=90))
KEY = "5f0c2a52-1a8e-4c1e-9d9a-6f1f6b0f0a11"
NOTHING = dict.fromkeys(KEPT, 0)


def _retention(books: Books, age: timedelta) -> Retention:
    return Retention(books.unit_of_work, FakeClock(NOON + age), RULES)


def test_a_repetition_after_the_answer_is_gone_gets_200_and_the_payment() -> None:
    api = ApiOnFakes()
    first = api.pay(ORDER, Idempotency_Key=KEY)
    stored = api.stored

    done = _retention(api.books, timedelta(hours=73)).run()
    api.cache.kept.clear()
    again = api.pay(ORDER, Idempotency_Key=KEY)

    assert done["responses"] == 1
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert again.get_json()["id"] == first.get_json()["id"]
    assert api.stored == stored


def test_until_then_it_gets_the_first_answer() -> None:
    api = ApiOnFakes()
    first = api.pay(ORDER, Idempotency_Key=KEY)

    _retention(api.books, timedelta(hours=72)).run()
    api.cache.kept.clear()

    assert (api.pay(ORDER, Idempotency_Key=KEY).data, first.status_code) == (first.data, 202)


@pytest.mark.parametrize(("days", "gone"), [(7, 0), (7.001, 2)])
def test_messages_that_were_published_long_ago_are_deleted(days: float, gone: int) -> None:
    api = ApiOnFakes()
    api.pay()
    rows = api.books.database.committed.outbox
    rows.update({key: replace(row, published_at=NOON) for key, row in rows.items()})

    assert _retention(api.books, timedelta(days=days)).run()["outbox"] == gone
    assert len(api.books.database.committed.outbox) == 2 - gone


def test_a_message_that_was_never_published_is_kept_for_ever() -> None:
    api = ApiOnFakes()
    api.pay()

    _retention(api.books, timedelta(days=9999)).run()

    assert len(api.books.database.committed.outbox) == 2


@pytest.mark.parametrize("status", sorted(TransactionStatus))
def test_a_providers_answer_goes_when_its_payment_has_long_been_finished(status: TransactionStatus) -> None:
    books, payment = Books(), a_payment(status=status, provider_response={"id": "P1"})
    books.put(payment)

    _retention(books, timedelta(days=91)).run()

    expected = payment.provider_response if payment.is_unfinished else PURGED
    assert books.payment(payment) == replace(payment, provider_response=expected)


def test_a_dry_run_counts_and_changes_nothing() -> None:
    books = Books()
    books.put(a_payment(status=TransactionStatus.FAILED, provider_response={"id": "P1"}))
    before = books.database.committed

    counted = _retention(books, timedelta(days=91)).preview()

    assert counted == {**NOTHING, "payment_answers": 1}
    assert books.database.committed is before


def test_it_may_be_repeated() -> None:
    books = Books()
    books.put(a_payment(status=TransactionStatus.FAILED, provider_response={"id": "P1"}))
    retention = _retention(books, timedelta(days=91))

    assert (retention.run(), retention.run()) == ({**NOTHING, "payment_answers": 1}, NOTHING)


def test_a_run_takes_batch_after_batch() -> None:
    api = ApiOnFakes()
    api.pay()
    (row, *_) = api.books.database.committed.outbox.values()
    many = {new_id(): OutboxRow(message=row.message, available_at=NOON, published_at=NOON) for _ in range(BATCH + 1)}
    api.books.database.committed.outbox.update(many)

    assert _retention(api.books, timedelta(days=8)).run()["outbox"] == BATCH + 1
