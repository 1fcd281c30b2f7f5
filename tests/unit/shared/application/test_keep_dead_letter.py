"""A dead letter is kept with what it is about; whatever it is, it is kept, and no secret of it."""

import json
from datetime import timedelta

import pytest

from shared.application.actor import process_actor
from shared.application.commands import next_payment_command, next_payout_command, next_refund_command
from shared.application.keep_dead_letter import MAX_SHOWN, KeepDeadLetter
from shared.application.replay_dead_letter import ReplayDeadLetter, ReplayOrder
from shared.contracts.messages.codec import encode
from shared.domain.transaction_status import TransactionStatus
from shared.persistence.dead_letters import LetterState
from shared.persistence.errors import StorageUnavailable
from tests.fakes.books import Books
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.letters import FIRST_ERROR, LAST_ERROR, an_arrival, keep, later, letters
from tests.fakes.makers import MERCHANT, a_payment, a_payout, a_refund
from tests.fakes.worker import WorkerOnFakes


@pytest.fixture
def books() -> Books:
    return Books()


def test_a_letter_says_what_it_is_about_and_whose_it_is(books: Books) -> None:
    payment = a_payment(status=TransactionStatus.COMPLETED)
    refund, payout = a_refund(payment), a_payout()
    books.put(payment, refund)
    books.put_payout(payout)

    for command in (
        next_payment_command(payment, NOON),
        next_refund_command(refund, NOON),
        next_payout_command(payout, NOON),
    ):
        keep(books, command)

    about = [(each.subject_kind, each.subject_id, each.transaction_id, each.merchant_id) for each in letters(books)]
    assert about == [
        ("payment", payment.id, payment.id, MERCHANT),
        ("refund", refund.id, payment.id, MERCHANT),
        ("payout", payout.id, None, MERCHANT),
    ]
    assert {each.provider for each in letters(books)} == {"cpay"}


def test_a_letter_keeps_both_errors_the_tries_and_the_exact_message(books: Books) -> None:
    command = next_payment_command(a_payment(), NOON)

    keep(books, command)

    (letter,) = letters(books)
    assert letter.first_error == {"error": FIRST_ERROR.error, "message": FIRST_ERROR.message, "at": FIRST_ERROR.at}
    assert letter.last_error == {"error": LAST_ERROR.error, "message": LAST_ERROR.message, "at": LAST_ERROR.at}
    assert (letter.tries, letter.reason, letter.queue) == (6, "retries_spent", "gw.q.cmd.cpay")
    assert (letter.body.encode(), letter.is_exact) == (encode(command), True)


def test_a_callbacks_letter_belongs_to_the_payment_that_the_callback_was_for() -> None:
    worker = WorkerOnFakes()
    message = worker.receive(RuntimeError("a bug"))

    keep(worker.books, message, queue="gw.q.hook.cpay")

    (letter,) = letters(worker.books)
    assert (letter.subject_kind, letter.subject_id, letter.merchant_id) == ("callback", message.webhook_event_id, None)


def test_a_letter_that_is_delivered_twice_is_counted_once(books: Books) -> None:
    arrived = an_arrival(next_payment_command(a_payment(), NOON))

    for _ in range(2):
        KeepDeadLetter(books.unit_of_work)(arrived)

    assert [each.deaths for each in letters(books)] == [1]


def test_a_message_that_dies_again_is_one_row_that_waits_again(books: Books) -> None:
    payment = a_payment()
    books.put(payment)
    command = next_payment_command(payment, NOON)
    letter_id = keep(books, command)
    ReplayDeadLetter(books.unit_of_work, FakeClock()).one(letter_id, ReplayOrder(actor=process_actor("amina")))
    assert letters(books)[0].state is LetterState.REPLAYED

    keep(books, command, died_at=later(8), first_error=None)

    (letter,) = letters(books)
    assert (letter.id, letter.deaths, letter.state, letter.decided_by) == (letter_id, 2, LetterState.WAITING, None)
    assert (letter.first_died_at, letter.last_died_at) == (NOON, later(8))
    assert letter.first_error is not None


def test_a_letter_that_comes_again_after_its_decision_stays_decided(books: Books) -> None:
    arrived = an_arrival(next_payment_command(a_payment(), NOON))
    KeepDeadLetter(books.unit_of_work)(arrived)
    order = ReplayOrder(actor=process_actor("amina"))
    ReplayDeadLetter(books.unit_of_work, FakeClock()).discard(letters(books)[0].id, "a test", order)

    KeepDeadLetter(books.unit_of_work)(arrived)

    assert [each.state for each in letters(books)] == [LetterState.DISCARDED]


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\xfe\x00", b"{" * 70_000, b"x" * 1_000_000, b'{"type":"payment.verify.v9"}', b'{"a":"\\u0000"}'],
    ids=["empty", "bytes", "nested", "1 MB", "version", "NUL"],
)
def test_whatever_it_is_it_is_kept_bounded(books: Books, body: bytes) -> None:
    keep(books, body=body)

    (letter,) = letters(books)
    assert letter.body_bytes == len(body)
    assert len(letter.body) <= MAX_SHOWN or letter.is_exact
    assert (letter.subject_kind, letter.provider) == (None, "cpay")


@pytest.mark.parametrize(
    ("body", "secret"),
    [
        ({"password": "hunter22"}, "hunter22"),
        ({"text": "call +254700000001"}, "700000001"),
        ({"card": "4242 4242 4242 4242"}, "4242 4242"),
    ],
)
def test_what_must_not_be_kept_is_not_and_such_a_body_is_not_exact(
    books: Books, body: dict[str, str], secret: str
) -> None:
    keep(books, body=json.dumps(body).encode())

    (letter,) = letters(books)
    assert secret not in letter.body
    assert not letter.is_exact


def test_with_the_database_away_a_letter_is_not_taken(books: Books) -> None:
    books.database.is_away = True

    with pytest.raises(StorageUnavailable):
        KeepDeadLetter(books.unit_of_work)(an_arrival())


def test_the_letters_that_wait_are_counted_from_the_last_death(books: Books) -> None:
    keep(books, next_payment_command(a_payment(), NOON), died_at=NOON + timedelta(minutes=5))
    keep(books, next_payment_command(a_payment(), NOON), died_at=later(2))

    with books.unit_of_work() as work:
        assert work.dead_letters.waiting() == (2, NOON + timedelta(minutes=5))
