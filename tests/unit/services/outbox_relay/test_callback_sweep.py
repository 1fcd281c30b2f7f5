"""A stored callback whose message was lost with its queue is sent to the worker again."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.outbox_relay.callback_sweep import CallbackSweep
from shared.application.rematching import rematch_delays_ms
from shared.contracts.messages.codec import decode
from shared.contracts.messages.events import ProviderEventReceived
from shared.domain.ids import MessageId, TransactionId, WebhookEventId
from shared.domain.money import Money
from shared.domain.outcome import Succeeded
from shared.domain.transaction_status import TransactionStatus
from shared.persistence.dead_letters import LetterState
from shared.provider_kit.provider import PaymentReported
from shared.runtime.identifiers import new_id
from tests.fakes.clock import NOON
from tests.fakes.letters import keep, letters
from tests.fakes.makers import a_payment
from tests.fakes.worker import WorkerOnFakes

MINUTE = 60


def _sweep(worker: WorkerOnFakes) -> int:
    return CallbackSweep(worker.books.unit_of_work, worker.clock, worker.ladder)()


def _publish(worker: WorkerOnFakes) -> None:
    """The broker has confirmed what is in the outbox."""
    ids = list(worker.books.database.committed.outbox)
    worker.books.do(lambda work: work.outbox.mark_published([MessageId(each) for each in ids], worker.clock.now()))


def _report(transaction_id: TransactionId) -> PaymentReported:
    amount, outcome = Money(100_000, "KES"), Succeeded(reference="pay-1")
    return PaymentReported(transaction_id=transaction_id, reference="pay-1", amount=amount, outcome=outcome)


def _messages(worker: WorkerOnFakes) -> list[ProviderEventReceived]:
    decoded = [decode(message.body) for message in worker.books.outgoing]
    return [message for message in decoded if isinstance(message, ProviderEventReceived)]


def test_a_payment_whose_callbacks_message_was_lost_after_its_expiry_is_completed_all_the_same() -> None:
    worker, payment = WorkerOnFakes(), a_payment(status=TransactionStatus.EXPIRED)
    worker.books.put(payment)
    worker.receive(_report(payment.id))
    worker.clock.advance(2 * MINUTE)

    assert _sweep(worker) == 1
    worker.handle(_messages(worker)[-1])

    assert worker.books.payment(payment).status is TransactionStatus.COMPLETED


@pytest.mark.parametrize(("seconds", "found"), [(59, 0), (61, 1)])
def test_a_message_has_a_minute_to_be_handled(seconds: int, found: int) -> None:
    worker, payment = WorkerOnFakes(), a_payment()
    worker.books.put(payment)
    worker.receive(_report(payment.id))
    worker.clock.advance(seconds)

    assert _sweep(worker) == found


def test_what_waits_in_the_outbox_is_not_lost() -> None:
    worker, payment = WorkerOnFakes(), a_payment()
    worker.books.put(payment)
    worker.receive(_report(payment.id))
    worker.clock.advance(2 * MINUTE)

    assert (_sweep(worker), _sweep(worker)) == (1, 0)
    worker.clock.advance(10 * MINUTE)
    assert _sweep(worker) == 0


def test_a_message_that_is_lost_again_is_sent_again_after_as_long_as_the_first_one_had() -> None:
    worker, payment = WorkerOnFakes(), a_payment()
    worker.books.put(payment)
    worker.receive(_report(payment.id))
    worker.clock.advance(2 * MINUTE)
    _sweep(worker)
    _publish(worker)

    worker.clock.advance(2 * MINUTE - 1)
    waiting = _sweep(worker)
    worker.clock.advance(1)

    assert (waiting, _sweep(worker)) == (0, 1)


def test_what_was_processed_is_left_alone() -> None:
    worker, payment = WorkerOnFakes(), a_payment()
    worker.books.put(payment)
    worker.handle(worker.receive(_report(payment.id)))

    worker.clock.advance(60 * MINUTE)

    assert _sweep(worker) == 0


def test_what_nobody_knows_yet_waits_on_its_level_of_the_ladder_first() -> None:
    worker = WorkerOnFakes()
    worker.handle(worker.receive(_report(TransactionId(new_id()))))
    _publish(worker)
    level = timedelta(milliseconds=worker.ladder.delays_ms[0]).total_seconds()

    worker.clock.advance(level + MINUTE - 1)
    waiting = _sweep(worker)
    worker.clock.advance(2)

    assert (waiting, _sweep(worker)) == (0, 1)


def test_what_was_looked_at_in_vain_on_every_level_is_left_alone() -> None:
    worker = WorkerOnFakes()
    message = worker.receive(_report(TransactionId(new_id())))
    for _ in range(len(rematch_delays_ms(worker.ladder)) + 1):
        worker.handle(message)
    _publish(worker)

    worker.clock.advance(100 * 24 * 60 * MINUTE)

    assert _sweep(worker) == 0


def test_a_callback_that_nobody_can_handle_yet_gets_no_message_a_minute() -> None:
    """The worker is away, or fails on it: in a day 31 messages, and not 1,440."""
    worker, payment = WorkerOnFakes(), a_payment()
    worker.books.put(payment)
    worker.receive(_report(payment.id))
    _publish(worker)
    sent_after = []
    for minute in range(1, 24 * 60):
        worker.clock.advance(MINUTE)
        if _sweep(worker):
            sent_after.append(minute)
            _publish(worker)

    assert sent_after[:8] == [2, 4, 8, 16, 32, 64, 124, 184]
    assert len(sent_after) < 32


def test_however_often_a_callback_is_sent_again_it_is_one_message() -> None:
    worker, payment = WorkerOnFakes(), a_payment()
    worker.books.put(payment)
    worker.receive(_report(payment.id))
    for _ in range(5):
        _publish(worker)
        worker.clock.advance(120 * MINUTE)
        assert _sweep(worker) == 1

    assert len({each.message_id for each in _messages(worker)}) == 1


def test_what_is_sent_again_climbs_the_ladder_like_the_first_message() -> None:
    worker = WorkerOnFakes()
    event_id = worker.receive(_report(TransactionId(new_id()))).webhook_event_id
    worker.clock.advance(2 * MINUTE)
    _sweep(worker)

    for _ in range(3):
        worker.handle(_messages(worker)[-1])

    assert worker.books.database.committed.webhook_events[WebhookEventId(event_id)].retry_count == 3


@pytest.mark.parametrize(
    ("state", "found"),
    [(LetterState.WAITING, 0), (LetterState.DISCARDED, 0), (LetterState.REPLAYED, 1)],
)
def test_what_has_become_a_dead_letter_is_an_operators(state: LetterState, found: int) -> None:
    worker, payment = WorkerOnFakes(), a_payment()
    worker.books.put(payment)
    letter_id = keep(worker.books, worker.receive(_report(payment.id)))
    (letter,) = letters(worker.books)
    decided_at = None if state is LetterState.WAITING else NOON
    worker.books.do(
        lambda work: work.dead_letters.save_decision(
            replace(letter, id=letter_id, state=state, decided_by="amina", decided_at=decided_at)
        )
    )
    _publish(worker)
    worker.clock.advance(120 * MINUTE)

    assert _sweep(worker) == found
