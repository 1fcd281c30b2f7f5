"""A refund of a payment whose end is not known has the provider asked first."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest

from shared.contracts.messages.commands import VerifyPayment
from shared.domain.outcome import Declined, InDoubt, Outcome, Pending, Succeeded
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import UNFINISHED, TransactionStatus
from tests.fakes.api import ApiOnFakes, problem
from tests.fakes.clock import NOON
from tests.fakes.makers import OTHER_MERCHANT, a_context, a_payment

S = TransactionStatus
BODY = {"amount": "400.00", "reason": "Customer request"}


@pytest.fixture
def api() -> ApiOnFakes:
    return ApiOnFakes()


def _put(api: ApiOnFakes, status: TransactionStatus = S.PROCESSING) -> Transaction:
    payment = a_payment(status=status, next_check_at=NOON + timedelta(minutes=10), checks_made=7)
    api.books.put(payment)
    return payment


def _after(api: ApiOnFakes, seconds: float, step: Callable[[], None]) -> None:
    done: list[bool] = []

    def meanwhile(passed: float) -> None:
        if passed >= seconds and not done:
            done.append(True)
            step()

    api.patience.meanwhile = meanwhile


def _told(api: ApiOnFakes, payment: Transaction, *outcomes: Outcome) -> Callable[[], None]:
    return lambda: api.books.apply(payment, *outcomes, context=a_context())


@pytest.mark.parametrize("status", sorted(UNFINISHED - {S.PENDING}))
def test_the_provider_is_asked_now_and_the_merchant_to_repeat(api: ApiOnFakes, status: TransactionStatus) -> None:
    payment = _put(api, status)

    response = api.refund(payment.id, BODY)

    body = problem(response, 409, "payment_unfinished")
    assert (body["retryable"], response.headers["Retry-After"]) == (True, "1")
    assert "refreshed" in body["detail"]
    (command,) = api.books.commands
    assert isinstance(command, VerifyPayment)
    assert command.transaction_id == payment.id
    assert [message.type for message in api.books.handed_over] == ["payment.verify.v1"]


def test_a_payment_that_was_not_sent_yet_is_nothing_to_ask_about(api: ApiOnFakes) -> None:
    payment = _put(api, S.PENDING)

    problem(api.refund(payment.id, BODY), 409, "payment_unfinished")

    assert api.books.commands == []


def test_nothing_is_stored_for_the_key_so_that_the_repetition_is_the_refund(api: ApiOnFakes) -> None:
    payment, key = _put(api), str(uuid4())
    problem(api.refund(payment.id, BODY, Idempotency_Key=key), 409, "payment_unfinished")
    _told(api, payment, Succeeded(reference="P1"))()

    again = api.refund(payment.id, BODY, Idempotency_Key=key)

    assert (again.status_code, "Idempotent-Replayed" in again.headers) == (202, False)


def test_however_often_it_is_repeated_the_provider_is_asked_once_a_second(api: ApiOnFakes) -> None:
    payment = _put(api)

    for _ in range(40):
        problem(api.refund(payment.id, BODY), 409, "payment_unfinished")
        api.clock.advance(0.1)

    assert len(api.books.commands) == 4


def test_one_payments_questions_do_not_silence_anothers(api: ApiOnFakes) -> None:
    one, other = _put(api), _put(api)

    for payment in (one, other, one, other):
        problem(api.refund(payment.id, BODY), 409, "payment_unfinished")

    assert {command.correlation_id for command in api.books.commands} == {one.id, other.id}
    assert len(api.books.commands) == 2


def test_a_question_more_does_not_put_off_the_planned_ones(api: ApiOnFakes) -> None:
    payment = _put(api)

    api.refund(payment.id, BODY)

    asked = api.books.payment(payment)
    assert (asked.checks_made, asked.next_check_at) == (payment.checks_made - 1, payment.next_check_at)


def test_a_stranger_has_nothing_asked(api: ApiOnFakes) -> None:
    payment = _put(api)

    problem(api.refund(payment.id, BODY, Authorization=api.bearer(merchant_id=OTHER_MERCHANT)), 404, "not_found")

    assert api.books.commands == []


def test_a_repetition_of_an_accepted_refund_asks_nothing(api: ApiOnFakes) -> None:
    payment_id, key = api.completed(), str(uuid4())
    first = api.refund(payment_id, BODY, Idempotency_Key=key)
    before = len(api.books.commands)

    assert api.refund(payment_id, BODY, Idempotency_Key=key).data == first.data
    assert len(api.books.commands) == before


def test_who_waits_gets_the_refund_as_soon_as_the_payment_turns_out_to_be_taken(api: ApiOnFakes) -> None:
    payment = _put(api)
    _after(api, 1, _told(api, payment, Succeeded(reference="P1")))

    response = api.refund(payment.id, BODY, Prefer="wait=5")

    assert (response.status_code, response.get_json()["status"]) == (202, "pending")
    assert sum(api.patience.rested) == pytest.approx(5)
    assert api.books.payment(payment).refund_pending.amount_minor_units == 40_000


def test_who_waits_goes_on_waiting_while_the_payment_moves_without_ending(api: ApiOnFakes) -> None:
    payment = _put(api)
    steps = [
        (0.5, _told(api, payment, Pending(reference="P1", next_action={"type": "redirect", "url": "https://x"}))),
        (2.0, _told(api, payment, Succeeded(reference="P1"))),
    ]

    def meanwhile(passed: float) -> None:
        if steps and passed >= steps[0][0]:
            steps.pop(0)[1]()

    api.patience.meanwhile = meanwhile

    assert api.refund(payment.id, BODY, Prefer="wait=5").status_code == 202


@pytest.mark.parametrize(
    ("outcome", "code"),
    [(Declined(code="declined"), "refund_not_possible"), (InDoubt(reason="x"), "payment_unfinished")],
)
def test_who_waits_is_refused_as_soon_as_it_is_clear(api: ApiOnFakes, outcome: Outcome, code: str) -> None:
    payment = _put(api)
    _after(api, 1, _told(api, payment, outcome))

    problem(api.refund(payment.id, BODY, Prefer="wait=5"), 409, code)
    assert (sum(api.patience.rested) < 2) == (code == "refund_not_possible")


def test_who_waits_in_vain_is_told_to_repeat(api: ApiOnFakes) -> None:
    payment, key = _put(api), str(uuid4())

    response = api.refund(payment.id, BODY, Idempotency_Key=key, Prefer="wait=2")

    problem(response, 409, "payment_unfinished")
    assert sum(api.patience.rested) == pytest.approx(2)
    assert api.books.database.committed.idempotency_keys == {}
