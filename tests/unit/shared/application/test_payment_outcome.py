"""What each of the six outcomes does to a payment in each status: the whole table."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.application.outcome_context import OutcomeContext
from shared.domain.failure import FailureCode
from shared.domain.outcome import Authorized, Declined, InDoubt, Outcome, Pending, Succeeded
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from tests.fakes.books import Books
from tests.fakes.clock import NOON
from tests.fakes.makers import TAKEN, a_context, a_payment

S = TransactionStatus
STARTED = NOON - timedelta(minutes=1)

# In the order of the columns below.
OUTCOMES: list[Outcome] = [
    Succeeded(reference="P1", answer={"told": "new"}),
    Authorized(reference="P1", answer={"told": "new"}),
    Pending(reference="P1", answer={"told": "new"}),
    Pending(reference="P1", next_action={"type": "redirect"}, answer={"told": "new"}),
    Declined(code=FailureCode.INSUFFICIENT_FUNDS, provider_code="1", reference="P1", answer={"told": "new"}),
    Declined(code=FailureCode.CANCELLED_BY_CUSTOMER, provider_code="1032", reference="P1", answer={"told": "new"}),
    Declined(code=FailureCode.EXPIRED, reference="P1", answer={"told": "new"}),
    InDoubt(reason="ReadTimeout", answer={"told": "new"}),
]

# status            succeeded  authorized  pending     pending+action   declined  cancelled  expired  in doubt
TABLE = """
pending             completed  .           .           .                failed    cancelled  expired  .
processing          completed  authorized  .           requires_action  failed    cancelled  expired  in_doubt
requires_action     completed  authorized  processing  .                failed    cancelled  expired  .
authorized          completed  .           .           .                .         cancelled  expired  .
in_doubt            completed  authorized  processing  requires_action  failed    cancelled  expired  .
completed           .          .           .           .                refused   refused    refused  .
partially_refunded  .          .           .           .                refused   refused    refused  .
refunded            .          .           .           .                refused   refused    refused  .
failed              completed  .           .           .                .         .          .        .
cancelled           completed  .           .           .                .         .          .        .
expired             completed  .           .           .                .         .          .        .
"""

Cell = tuple[S, Outcome, str]


def _cells() -> list[Cell]:
    lines = [line.split() for line in TABLE.strip().splitlines()]
    return [(S(line[0]), outcome, cell) for line in lines for outcome, cell in zip(OUTCOMES, line[1:], strict=True)]


def _name(value: object) -> str | None:
    return type(value).__name__ if not isinstance(value, str) else None


MOVES = [cell for cell in _cells() if cell[2] not in {".", "refused"}]
STAYS_UNFINISHED = [cell for cell in _cells() if cell[2] == "." and a_payment(status=cell[0]).is_unfinished]
STAYS_FINISHED = [cell for cell in _cells() if cell[2] == "." and not a_payment(status=cell[0]).is_unfinished]
REFUSED = [cell for cell in _cells() if cell[2] == "refused"]


def _before(status: S) -> Transaction:
    """A payment that the provider has been asked about before."""
    finished = {} if status not in TAKEN | {S.FAILED, S.CANCELLED, S.EXPIRED} else {"next_check_at": None}
    facts = {"next_check_at": NOON, "provider_response": {"told": "old"}, "version": 5, "updated_at": STARTED}
    return a_payment(status=status, **(facts | finished))


def _applied(payment: Transaction, *outcomes: Outcome, context: OutcomeContext | None = None) -> Books:
    books = Books()
    books.put(payment)
    books.apply(payment, *outcomes, context=context or a_context())
    return books


def test_the_table_has_every_status() -> None:
    assert {status for status, *_ in _cells()} == set(S)


@pytest.mark.parametrize(("status", "outcome", "expected"), MOVES, ids=_name)
def test_an_outcome_moves_the_payment_once_with_one_event_and_one_audit_entry(
    status: S, outcome: Outcome, expected: str
) -> None:
    payment = _before(status)

    books = _applied(payment, outcome)

    after = books.payment(payment)
    assert (after.status, after.version, after.updated_at) == (expected, 6, NOON)
    assert [(event.sequence, event.event_type) for event in books.events(payment)] == [(6, f"payment.{expected}")]
    assert books.events(payment)[0].data["status"] == expected
    assert [(each.sequence, each.event_type) for each in books.announced] == [(6, f"payment.{expected}")]
    audit = books.audit(payment)[0].event_data
    assert (audit["before"], audit["after"], audit["source"]) == (status, expected, "callback")


@pytest.mark.parametrize(("status", "outcome", "expected"), MOVES, ids=_name)
def test_only_what_is_not_sent_makes_a_command(status: S, outcome: Outcome, expected: str) -> None:
    assert _applied(_before(status), outcome).commands == []


@pytest.mark.parametrize(("status", "outcome", "expected"), MOVES, ids=_name)
def test_money_is_taken_when_the_payment_completes_and_not_before(status: S, outcome: Outcome, expected: str) -> None:
    payment = _before(status)

    after = _applied(payment, outcome).payment(payment)

    assert after.captured.amount_minor_units == (100_000 if expected == "completed" else 0)


@pytest.mark.parametrize(("status", "outcome", "expected"), MOVES, ids=_name)
def test_what_is_unfinished_is_checked_in_five_seconds_and_what_is_finished_never(
    status: S, outcome: Outcome, expected: str
) -> None:
    payment = _before(status)

    after = _applied(payment, outcome).payment(payment)

    assert after.next_check_at == (NOON + timedelta(seconds=5) if after.is_unfinished else None)


@pytest.mark.parametrize(("status", "outcome", "expected"), MOVES, ids=_name)
def test_only_what_was_declined_has_a_failure(status: S, outcome: Outcome, expected: str) -> None:
    payment = _before(status)

    failure = _applied(payment, outcome).payment(payment).failure

    assert (None if failure is None else failure.code) == getattr(outcome, "code", None)


@pytest.mark.parametrize(("status", "outcome", "expected"), MOVES, ids=_name)
def test_only_what_requires_action_says_which(status: S, outcome: Outcome, expected: str) -> None:
    payment = replace(_before(status), next_action={"type": "stale"} if status is S.REQUIRES_ACTION else None)

    after = _applied(payment, outcome).payment(payment)

    if expected == "requires_action":
        assert after.next_action == {"type": "redirect"}
    elif not isinstance(outcome, InDoubt | Authorized):
        assert after.next_action is None


@pytest.mark.parametrize(("status", "outcome", "expected"), STAYS_UNFINISHED, ids=_name)
def test_an_outcome_without_an_edge_teaches_an_unfinished_payment_and_moves_nothing(
    status: S, outcome: Outcome, expected: str
) -> None:
    payment = _before(status)

    books = _applied(payment, outcome)

    after = books.payment(payment)
    assert (after.status, after.version, after.captured, after.failure) == (status, 5, payment.captured, None)
    assert after.provider_response == {"told": "new"}
    assert after.provider_transaction_id == getattr(outcome, "reference", None)
    assert after.next_check_at == NOON + timedelta(seconds=5)
    assert (books.event_types(payment), books.announced, books.commands) == ([], [], [])


@pytest.mark.parametrize(("status", "outcome", "expected"), STAYS_FINISHED, ids=_name)
def test_an_outcome_without_an_edge_tells_a_finished_payment_at_most_its_reference(
    status: S, outcome: Outcome, expected: str
) -> None:
    payment = _before(status)

    books = _applied(payment, outcome)

    answer = {"told": "new"} if isinstance(outcome, Succeeded) else {"told": "old"}
    reference = getattr(outcome, "reference", None)
    told = replace(payment, provider_transaction_id=reference, provider_response=answer)
    assert books.payment(payment) == told
    assert (books.event_types(payment), books.audit_types(payment), books.outgoing) == ([], [], [])


@pytest.mark.parametrize(("status", "outcome", "expected"), REFUSED, ids=_name)
def test_a_late_failure_after_success_is_audited_and_changes_nothing(
    status: S, outcome: Outcome, expected: str
) -> None:
    payment = replace(_before(status), provider_transaction_id="P1")

    books = _applied(payment, outcome)

    assert books.payment(payment) == payment
    assert (books.event_types(payment), books.announced, books.commands) == ([], [], [])
    assert books.audit_types(payment) == ["outcome.refused"]
    assert books.audit(payment)[0].event_data["status"] == status


@pytest.mark.parametrize("status", [S.FAILED, S.CANCELLED, S.EXPIRED])
def test_money_that_comes_after_we_gave_up_completes_the_payment_as_late(status: S) -> None:
    payment = _before(status)

    after = _applied(payment, OUTCOMES[4], OUTCOMES[0]).payment(payment)

    assert (after.status, after.late, after.failure) == (S.COMPLETED, True, None)
    assert after.captured == payment.amount


@pytest.mark.parametrize("status", sorted(set(S) - TAKEN - {S.FAILED, S.CANCELLED, S.EXPIRED}))
def test_money_that_comes_in_time_is_not_late(status: S) -> None:
    payment = _before(status)

    assert _applied(payment, OUTCOMES[0]).payment(payment).late is False


@pytest.mark.parametrize("outcome", OUTCOMES, ids=_name)
@pytest.mark.parametrize("status", sorted(S))
def test_a_repeated_outcome_writes_no_second_event(status: S, outcome: Outcome) -> None:
    payment = _before(status)

    once, twice = _applied(payment, outcome), _applied(payment, outcome, outcome, outcome)

    assert twice.event_types(payment) == once.event_types(payment)
    assert twice.payment(payment) == once.payment(payment)
    assert len(twice.outgoing) == len(once.outgoing)


def test_the_providers_first_reference_stays() -> None:
    payment = replace(_before(S.PROCESSING), provider_transaction_id="P0")

    assert _applied(payment, OUTCOMES[2]).payment(payment).provider_transaction_id == "P0"


def test_the_reason_of_a_doubt_is_in_the_audit_trail() -> None:
    payment = _before(S.PROCESSING)

    assert _applied(payment, OUTCOMES[-1]).audit(payment)[0].event_data["reason"] == "ReadTimeout"


def test_a_failure_keeps_our_words_and_theirs_side_by_side() -> None:
    payment = _before(S.PROCESSING)

    failure = (
        _applied(
            payment,
            Declined(code=FailureCode.INSUFFICIENT_FUNDS, provider_code="2001", provider_message="Balance too low"),
        )
        .payment(payment)
        .failure
    )

    assert failure is not None
    assert failure.message == "The customer's balance is too low for this amount."
    assert (failure.provider_code, failure.provider_message) == ("2001", "Balance too low")


@pytest.mark.parametrize("code", list(FailureCode))
def test_every_failure_code_has_words(code: FailureCode) -> None:
    payment = _before(S.PROCESSING)

    failure = _applied(payment, Declined(code=code)).payment(payment).failure

    assert failure is not None
    assert failure.message.endswith(".")
