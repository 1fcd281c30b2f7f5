"""A replay acts only where something is left to do; it says the same dry and for real; every decision is audited."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from shared.application.actor import process_actor
from shared.application.commands import (
    cancel_command,
    next_capture_command,
    next_payment_command,
    next_payout_command,
    next_refund_command,
)
from shared.application.replay_dead_letter import ReplayDeadLetter, ReplayOrder
from shared.contracts.messages.commands import DeliverWebhooks, ProbeEndpoint
from shared.contracts.messages.envelope import Message
from shared.contracts.messages.events import PaymentChanged
from shared.domain.errors import NotFound
from shared.domain.movement_status import MovementStatus
from shared.domain.outcome import Declined, InDoubt, Pending, Succeeded
from shared.domain.refund_status import RefundStatus
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.persistence.dead_letters import LetterFilter, LetterState
from shared.provider_kit.provider import NothingReported
from shared.runtime.identifiers import new_id
from tests.fakes.clock import NOON
from tests.fakes.letters import keep, letters
from tests.fakes.makers import MERCHANT, a_capture, a_payment, a_payout, a_refund
from tests.fakes.worker import WorkerOnFakes

ORDER = ReplayOrder(actor=process_actor("operator:amina"))
DRY = replace(ORDER, dry_run=True)


class Desk:
    """A worker on fakes, and the desk that decides about its dead letters."""

    def __init__(self, *answers: object) -> None:
        self.worker = WorkerOnFakes(*answers)  # type: ignore[arg-type] # outcomes
        self.books, self.clock = self.worker.books, self.worker.clock
        self.replay = ReplayDeadLetter(self.books.unit_of_work, self.clock)

    def dead(self, message: Message) -> UUID:
        return keep(self.books, message)

    def says(self, letter_id: UUID) -> str:
        """The sentence of a dry run, which changes nothing; and the same for real."""
        before = self.books.database.committed.count()
        dry = self.replay.one(letter_id, DRY).sentence
        assert self.books.database.committed.count() == before
        assert self.replay.one(letter_id, ORDER).sentence == dry
        return dry

    def state(self, letter_id: UUID) -> LetterState:
        return self.books.database.committed.dead_letters[letter_id].state


def test_a_command_of_a_payment_that_still_waits_goes_out_again_as_the_same_message() -> None:
    desk, payment = Desk(), a_payment()
    desk.books.put(payment)
    command = next_payment_command(payment, NOON)
    letter_id = desk.dead(command)

    assert desk.says(letter_id) == "replayed: payment.initialize.v1 goes out again"

    (sent,) = desk.books.outgoing
    assert (sent.exchange, sent.routing_key) == ("gw.cmd", "cpay.payment.initialize.v1")
    assert (sent.message_id, desk.books.commands) == (command.message_id, [command])
    assert desk.state(letter_id) is LetterState.REPLAYED


def test_what_was_published_under_this_id_before_goes_out_again_under_it() -> None:
    desk, payment = Desk(), a_payment()
    desk.books.put(payment)
    command = next_payment_command(payment, NOON)
    letter_id = desk.dead(command)
    desk.replay.one(letter_id, ORDER)
    desk.books.do(lambda work: work.outbox.mark_published([desk.books.outgoing[0].message_id], NOON))
    keep(desk.books, command, died_at=NOON + timedelta(hours=8))

    desk.replay.one(letter_id, ORDER)

    with desk.books.unit_of_work() as work:
        assert [each.message_id for each in work.outbox.waiting(10)] == [command.message_id]


def test_a_replayed_command_takes_the_money_once_however_often_it_comes() -> None:
    desk, payment = Desk(Succeeded(reference="CP1")), a_payment()
    desk.books.put(payment)
    command = next_payment_command(payment, NOON)
    letter_id = desk.dead(command)
    desk.replay.one(letter_id, ORDER)

    for _ in range(3):
        desk.worker.handle(command)

    assert len(desk.worker.provider.questions) == 1
    assert desk.books.payment(payment).status is TransactionStatus.COMPLETED


SENTENCES = [
    (Succeeded(reference="CP1"), "skipped: attempt already succeeded"),
    (Declined(code="insufficient_funds", reference="CP1"), "skipped: payment already failed"),
    (Pending(reference="CP1"), "skipped: payment already sent (processing): it is asked about, never sent again"),
    (InDoubt(reason="x"), "skipped: payment already sent (in_doubt): it is asked about, never sent again"),
]


@pytest.mark.parametrize(("outcome", "sentence"), SENTENCES, ids=[type(each).__name__ for each, _ in SENTENCES])
def test_a_payment_that_was_sent_meanwhile_is_never_sent_again(outcome: object, sentence: str) -> None:
    desk = Desk(outcome)
    letter_id = desk.dead(desk.worker.start(a_payment()))
    before = len(desk.books.outgoing)

    assert desk.says(letter_id) == sentence

    assert len(desk.books.outgoing) == before
    assert desk.state(letter_id) is LetterState.SKIPPED


def test_a_payment_that_a_callback_completed_is_told_as_completed() -> None:
    desk, payment = Desk(), a_payment(status=TransactionStatus.COMPLETED)
    desk.books.put(payment)
    command = next_payment_command(replace(payment, status=TransactionStatus.PENDING), NOON)

    assert desk.says(desk.dead(command)) == "skipped: payment already completed"


@pytest.mark.parametrize(("hours", "says"), [(0, "replayed"), (1, "skipped: payment expired"), (30, "skipped")])
def test_a_payment_whose_time_is_over_is_not_sent(hours: int, says: str) -> None:
    desk, payment = Desk(), a_payment()
    desk.books.put(payment)
    letter_id = desk.dead(next_payment_command(payment, NOON))
    desk.clock.advance(hours * 3600)

    assert desk.says(letter_id).startswith(says)


def test_a_question_goes_out_again_while_the_answer_is_not_known() -> None:
    desk = Desk()
    waiting = a_payment(status=TransactionStatus.PROCESSING, next_check_at=NOON)
    done = a_payment(status=TransactionStatus.COMPLETED)
    for payment in (waiting, done):
        desk.books.put(payment)

    said = [desk.says(desk.dead(next_payment_command(payment, NOON))) for payment in (waiting, done)]

    assert said == ["replayed: payment.verify.v1 goes out again", "skipped: payment already completed"]


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"cancel_requested_at": NOON}, "replayed: payment.cancel.v1 goes out again"),
        ({}, "skipped: cancellation no longer wanted"),
        ({"status": TransactionStatus.CANCELLED}, "skipped: payment already cancelled"),
    ],
)
def test_a_cancellation_goes_out_again_while_it_is_wanted(facts: dict[str, object], sentence: str) -> None:
    desk, payment = Desk(), a_payment(**({"status": TransactionStatus.REQUIRES_ACTION} | facts))
    desk.books.put(payment)

    assert desk.says(desk.dead(cancel_command(payment, NOON))) == sentence


def _paid() -> Transaction:
    return a_payment(status=TransactionStatus.COMPLETED)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (RefundStatus.PENDING, "replayed: refund.initialize.v1 goes out again"),
        (RefundStatus.SUCCEEDED, "skipped: refund already succeeded"),
        (RefundStatus.FAILED, "skipped: refund already failed"),
        (RefundStatus.IN_DOUBT, "skipped: refund already sent (in_doubt): it is asked about, never sent again"),
    ],
)
def test_a_refund_is_sent_again_only_if_it_never_was(status: RefundStatus, sentence: str) -> None:
    desk, payment = Desk(), _paid()
    refund = a_refund(payment)
    command = next_refund_command(refund, NOON)
    desk.books.put(payment, replace(refund, status=status))

    assert desk.says(desk.dead(command)) == sentence


def test_a_refund_and_a_payout_whose_own_attempt_succeeded_say_so() -> None:
    desk = Desk(Succeeded(reference="RF1"), Succeeded(reference="PO1"))
    payment = replace(_paid(), provider_transaction_id="CP1")
    refund = a_refund(payment)
    refunded = desk.worker.refund(replace(payment, refund_pending=refund.amount), refund)
    paid_out = desk.worker.send(a_payout())

    said = {desk.says(desk.dead(each)) for each in (refunded, paid_out)}

    assert said == {"skipped: attempt already succeeded"}


def test_captures_and_payouts_have_a_time_after_which_they_are_not_sent() -> None:
    desk = Desk()
    payment = a_payment(status=TransactionStatus.AUTHORIZED)
    capture, payout = a_capture(payment), a_payout()
    desk.books.put(payment, capture)
    desk.books.put_payout(payout)
    dead = [desk.dead(each) for each in (next_capture_command(capture, NOON), next_payout_command(payout, NOON))]
    desk.clock.advance(31 * 86_400)

    assert [desk.says(each) for each in dead] == ["skipped: capture expired", "skipped: payout expired"]


@pytest.mark.parametrize(
    ("status", "next_check_at", "says"),
    [
        (MovementStatus.PROCESSING, NOON, "replayed"),
        (MovementStatus.SUCCEEDED, None, "skipped: payout already succeeded"),
    ],
)
def test_a_question_about_a_payout_goes_out_while_it_is_open(
    status: MovementStatus, next_check_at: object, says: str
) -> None:
    desk, payout = Desk(), a_payout()
    asked = replace(payout, status=MovementStatus.PROCESSING)
    desk.books.put_payout(replace(payout, status=status, next_check_at=next_check_at))  # type: ignore[arg-type] # a time

    assert desk.says(desk.dead(next_payout_command(asked, NOON))).startswith(says)


def test_a_callback_that_has_been_handled_is_skipped_and_another_goes_out() -> None:
    desk = Desk()
    handled, waiting = desk.worker.receive(NothingReported(reason="a test")), desk.worker.receive(RuntimeError("bug"))
    desk.worker.handle(handled)

    said = [desk.says(desk.dead(each)) for each in (handled, waiting)]

    assert said == [
        "skipped: callback already handled (nothing to do: a test)",
        "replayed: provider_event.received.v1 goes out again",
    ]
    (sent,) = desk.books.outgoing
    assert (sent.exchange, sent.routing_key, sent.message_id) == (
        "gw.hook",
        "cpay.payment.reported",
        waiting.message_id,
    )


def test_what_is_about_nothing_that_exists_is_skipped() -> None:
    desk = Desk()
    payment = a_payment()
    messages = [
        next_payment_command(payment, NOON),
        cancel_command(payment, NOON),
        next_refund_command(a_refund(payment), NOON),
        next_payout_command(a_payout(), NOON),
    ]

    assert {desk.says(desk.dead(each)) for each in messages} == {"skipped: what it is about does not exist"}


def test_what_no_worker_reads_stays_until_somebody_discards_it() -> None:
    desk = Desk()
    letter_id = keep(desk.books, body=b'{"type":"payment.verify.v9"}')

    assert desk.says(letter_id) == "left: no worker of this version reads such a message"
    assert desk.state(letter_id) is LetterState.WAITING
    assert desk.replay.discard(letter_id, "sent by a test", ORDER).sentence == "discarded: sent by a test"
    assert desk.state(letter_id) is LetterState.DISCARDED


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (DeliverWebhooks, "what is due at an endpoint is rung for again without it"),
        (ProbeEndpoint, "whoever wants the test asks for another"),
        (PaymentChanged, "events without their deliveries are found without it"),
    ],
)
def test_what_is_found_without_its_message_is_skipped(message: type[Message], sentence: str) -> None:
    desk = Desk()
    facts: dict[str, object] = {
        "endpoint_id": new_id(),
        "test_id": new_id(),
        "event_id": new_id(),
        "event_type": "payment.completed",
        "transaction_id": new_id(),
        "merchant_id": new_id(),
        "user_id": None,
        "sequence": 1,
    }
    known = {name: facts[name] for name in message.model_fields if name in facts}
    about = message(message_id=new_id(), occurred_at=NOON, correlation_id=new_id(), **known)

    assert desk.says(desk.dead(about)) == f"skipped: {sentence}"


def test_what_is_decided_stays_so() -> None:
    desk, payment = Desk(), a_payment()
    desk.books.put(payment)
    letter_id = desk.dead(next_payment_command(payment, NOON))
    desk.replay.discard(letter_id, "a test", ORDER)

    assert desk.replay.one(letter_id, ORDER).sentence == "skipped: letter already discarded"
    assert desk.replay.discard(letter_id, "again", ORDER).sentence == "skipped: letter already discarded"
    assert desk.books.outgoing == []


def test_every_decision_is_in_the_trail_of_its_payment() -> None:
    desk = Desk()
    waiting, done = a_payment(), a_payment(status=TransactionStatus.COMPLETED)
    for payment in (waiting, done):
        desk.books.put(payment)
        desk.replay.one(
            desk.dead(next_payment_command(replace(payment, status=TransactionStatus.PENDING), NOON)), ORDER
        )
    desk.replay.discard(keep(desk.books), "no message of ours", ORDER)

    trail = list(desk.books.database.committed.audit_log.values())

    assert [(entry.event_type, entry.user_id) for entry in trail] == [
        ("dead_letter.replayed", "operator:amina"),
        ("dead_letter.skipped", "operator:amina"),
        ("dead_letter.discarded", "operator:amina"),
    ]
    assert [entry.transaction_id for entry in trail] == [waiting.id, done.id, None]
    assert [entry.merchant_id for entry in trail] == [MERCHANT, MERCHANT, None]
    assert trail[1].event_data["why"] == "payment already completed"


def test_a_letter_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFound):
        Desk().replay.one(new_id(), ORDER)
    with pytest.raises(NotFound):
        Desk().replay.discard(new_id(), "x", ORDER)


def _many(desk: Desk, number: int) -> None:
    for _ in range(number):
        payment = a_payment()
        desk.books.put(payment)
        desk.dead(next_payment_command(payment, NOON))


def test_all_go_out_once_and_at_the_rate_that_was_asked_for() -> None:
    desk = Desk()
    _many(desk, 5)
    keep(desk.books)

    decided = list(desk.replay.all(LetterFilter(), replace(ORDER, per_second=2)))

    assert [each.decision for each in decided] == ["replayed"] * 5 + ["left"]
    with desk.books.unit_of_work() as work:
        due = sorted(each.due_at for each in work.outbox.waiting(10))
    assert [(each - NOON).total_seconds() for each in due] == [0, 0.5, 1, 1.5, 2]


def test_what_is_to_go_out_later_does_not_count_as_late() -> None:
    desk = Desk()
    _many(desk, 2)
    list(desk.replay.all(LetterFilter(), replace(ORDER, per_second=0.01)))

    with desk.books.unit_of_work() as work:
        work.outbox.mark_published([work.outbox.take_unpublished(NOON + timedelta(seconds=1), 10)[0].message_id], NOON)
        assert work.outbox.oldest_unpublished() == NOON + timedelta(seconds=98)


def test_only_what_is_chosen_is_decided_about() -> None:
    desk = Desk()
    _many(desk, 2)
    payment = a_payment()
    desk.books.put(payment)
    chosen = keep(
        desk.books,
        next_payment_command(payment, NOON),
        queue="gw.q.cmd.other",
        reason="delivery_limit",
        died_at=NOON - timedelta(hours=1),
    )

    for wanted in (
        LetterFilter(queue="gw.q.cmd.other"),
        LetterFilter(reason="delivery_limit"),
        LetterFilter(died_before=NOON),
    ):
        assert [each.letter.id for each in desk.replay.all(wanted, DRY)] == [chosen]
    assert list(desk.replay.all(LetterFilter(provider="mpesa"), ORDER)) == []
    assert [each.state for each in letters(desk.books)] == [LetterState.WAITING] * 3


def test_more_than_a_page_are_all_decided_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.application.replay_dead_letter.PAGE", 2)
    desk = Desk()
    _many(desk, 5)

    assert len(list(desk.replay.all(LetterFilter(), ORDER))) == 5
