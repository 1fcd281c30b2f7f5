"""What a merchant who lost an answer reads: the payment of a key, when it is looked at again, what is safe."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from shared.domain.attempt import Operation
from shared.domain.failure import FailureCode
from shared.domain.outcome import Authorized, Declined, InDoubt, NotSent, Outcome, Pending, Succeeded
from shared.domain.refund_status import UNFINISHED as UNFINISHED_REFUND
from shared.domain.transaction_status import NOT_TAKEN, UNFINISHED, TransactionStatus, TransactionTrigger
from tests.fakes.api import ApiOnFakes, pointers, problem
from tests.fakes.clock import NOON
from tests.fakes.makers import a_context

S = TransactionStatus
ACTION = {"type": "redirect", "url": "https://x"}

# status -> what the worker was told on the way there, after it had sent the payment
LIVES: list[tuple[TransactionStatus, list[Outcome]]] = [
    (S.PROCESSING, []),
    (S.PROCESSING, [Pending(reference="P1")]),
    (S.PROCESSING, [Pending(reference="P1", next_action=ACTION), Pending(reference="P1")]),
    (S.PENDING, [NotSent(reason="refused")]),
    (S.PENDING, [NotSent(reason="throttled", retry_after_seconds=120)]),
    (S.REQUIRES_ACTION, [Pending(reference="P1", next_action=ACTION)]),
    (S.AUTHORIZED, [Authorized(reference="P1")]),
    (S.IN_DOUBT, [InDoubt(reason="read_timeout")]),
    (S.COMPLETED, [Succeeded(reference="P1")]),
    (S.COMPLETED, [InDoubt(reason="read_timeout"), Succeeded(reference="P1")]),
    (S.FAILED, [Declined(code=FailureCode.DECLINED)]),
    (S.CANCELLED, [Declined(code=FailureCode.CANCELLED_BY_CUSTOMER)]),
    (S.EXPIRED, [Declined(code=FailureCode.EXPIRED)]),
]


@pytest.fixture
def api() -> ApiOnFakes:
    return ApiOnFakes()


def _sent(api: ApiOnFakes) -> UUID:
    """A payment whose call is under way, with the lease as its next check."""
    payment_id = UUID(api.pay().get_json()["id"])
    with api.books.unit_of_work() as work:
        payment = work.transactions.lock(api.books.database.committed.transactions[payment_id].id)
        assert payment is not None
        work.transactions.save(payment.on(TransactionTrigger.SUBMIT, NOON)[0])
        work.commit()
    return payment_id


def test_the_lives_lead_to_every_status_before_refunds() -> None:
    assert {status for status, _ in LIVES} == set(S) - {S.PARTIALLY_REFUNDED, S.REFUNDED}


@pytest.mark.parametrize(("status", "outcomes"), LIVES)
@pytest.mark.parametrize("checked_in_vain", [False, True])
def test_an_unfinished_payment_always_says_when_it_is_looked_at_again(
    api: ApiOnFakes, status: TransactionStatus, outcomes: list[Outcome], checked_in_vain: bool
) -> None:
    payment_id = _sent(api)
    payment = api.books.database.committed.transactions[payment_id]
    api.books.apply(payment, *outcomes, context=a_context())
    if checked_in_vain and status in UNFINISHED - {S.PENDING}:
        later = a_context(Operation.VERIFY_PAYMENT, now=NOON + timedelta(seconds=10))
        api.books.apply(payment, InDoubt(reason="read_timeout"), context=later)

    (listed,) = api.get("/payments").get_json()["data"]
    for shown in (api.get(f"/payments/{payment_id}").get_json(), listed):
        assert shown["status"] == status
        assert (shown["next_check_at"] is not None) == (status in UNFINISHED)
        assert shown["safe_to_retry"] == (status in NOT_TAKEN)


@pytest.mark.parametrize(
    "outcomes",
    [
        [],
        [NotSent(reason="refused")],
        [Pending(reference="R1")],
        [InDoubt(reason="read_timeout")],
        [Succeeded(reference="R1")],
        [Declined(code=FailureCode.REFUND_NOT_POSSIBLE)],
    ],
    ids=str,
)
def test_an_unfinished_refund_always_says_when_it_is_looked_at_again(api: ApiOnFakes, outcomes: list[Outcome]) -> None:
    payment_id = api.completed()
    api.refund(payment_id, {"amount": 400, "reason": "x"})
    (refund,) = api.books.database.committed.refunds.values()
    api.books.apply(refund, *outcomes, context=a_context())

    (shown,) = api.get(f"/payments/{payment_id}").get_json()["refunds"]
    assert (shown["next_check_at"] is not None) == (shown["status"] in UNFINISHED_REFUND)


@pytest.mark.parametrize("key", ["order-7", "", "%22%22", "7f8d2c66-3b1e-1a5f-9c0d-1e2f3a4b5c6d", "a" * 300])
def test_a_malformed_key_finds_nothing_and_says_so(api: ApiOnFakes, key: str) -> None:
    body = problem(api.get(f"/payments?idempotency_key={key}"), 422, "validation_failed")

    assert pointers(body) == ["idempotency_key"]


def test_the_payment_of_a_lost_answer_is_found_by_its_key_in_any_form(api: ApiOnFakes) -> None:
    key = str(uuid4())
    payment_id = api.pay(Idempotency_Key=f'"{key.upper()}"').get_json()["id"]
    api.pay()

    for form in (key, key.upper(), f"%22{key}%22"):
        found = api.get(f"/payments?idempotency_key={form}").get_json()["data"]
        assert [each["id"] for each in found] == [payment_id]


def test_the_refund_of_a_lost_answer_is_found_in_its_payment(api: ApiOnFakes) -> None:
    payment_id, key = api.completed(), str(uuid4())
    refund_id = api.refund(payment_id, {"amount": 400, "reason": "x"}, Idempotency_Key=key.upper()).get_json()["id"]
    api.refund(payment_id, {"amount": 400, "reason": "x"})

    refunds = api.get(f"/payments/{payment_id}").get_json()["refunds"]

    assert [each["id"] for each in refunds if each["idempotency_key"] == key] == [refund_id]
