"""Accepting a payment, and reading it."""

from datetime import timedelta
from typing import Any

import pytest

from shared.contracts.messages.codec import decode
from shared.contracts.messages.commands import InitializePayment
from shared.coordination.breaker import BreakerState
from shared.domain.failure import FailureCode
from shared.domain.outcome import Declined, Succeeded
from shared.domain.transaction_status import TransactionStatus
from tests.fakes.api import ORDER, ApiOnFakes
from tests.fakes.clock import NOON
from tests.fakes.makers import MERCHANT, USER, a_context, a_payment


@pytest.fixture
def api() -> ApiOnFakes:
    return ApiOnFakes()


def test_an_accepted_payment_reads_as_it_was_ordered(api: ApiOnFakes) -> None:
    order = ORDER | {
        "amount": "1000.50",
        "customer": {"phone": "+254700000001", "email": "a@b.co", "name": "A"},
        "customer_id": "c1",
        "payment_method": "mobile_money",
        "metadata": {"order": "7"},
    }

    payment = api.pay(order, Idempotency_Key="7f8d2c66-3b1e-4a5f-9c0d-1e2f3a4b5c6d").get_json()

    for made in ("id", "client_token"):
        assert payment.pop(made)
    assert payment == {
        "status": "pending",
        "basic_status": "pending",
        "amount": "1000.50",
        "amount_minor": 100_050,
        "currency": "KES",
        "provider": "cpay",
        "provider_transaction_id": None,
        "receipt": None,
        "customer": {"phone": "+254700000001", "email": "a@b.co", "name": "A"},
        "customer_id": "c1",
        "payment_method": "mobile_money",
        "metadata": {"order": "7"},
        "next_action": None,
        "failure": None,
        "capture_method": "automatic",
        "source": "merchant",
        "amount_authorized": "0.00",
        "amount_authorized_minor": 0,
        "amount_captured": "0.00",
        "amount_captured_minor": 0,
        "amount_refunded": "0.00",
        "amount_refunded_minor": 0,
        "amount_refundable": "0.00",
        "amount_refundable_minor": 0,
        "late": False,
        "idempotency_key": "7f8d2c66-3b1e-4a5f-9c0d-1e2f3a4b5c6d",
        "safe_to_retry": False,
        "needs_review": False,
        "cancel_requested_at": None,
        "next_check_at": "2026-01-15T12:00:30.000Z",
        "expires_at": "2026-01-15T13:00:00.000Z",
        "sequence": 1,
        "created_at": "2026-01-15T12:00:00.000Z",
        "updated_at": "2026-01-15T12:00:00.000Z",
    }


def test_an_accepted_payment_leaves_as_a_command_to_its_provider(api: ApiOnFakes) -> None:
    payment = api.pay().get_json()

    (command,) = [decode(each.body) for each in api.books.handed_over if each.exchange == "gw.cmd"]

    assert isinstance(command, InitializePayment)
    assert (str(command.transaction_id), command.provider) == (payment["id"], "cpay")
    assert command.expires_at == NOON + timedelta(hours=1)


def test_the_payment_belongs_to_the_tokens_merchant_and_user(api: ApiOnFakes) -> None:
    api.pay()

    (payment,) = api.books.database.committed.transactions.values()
    assert (payment.merchant_id, payment.user_id) == (MERCHANT, USER)


def test_the_request_is_followed_into_the_queue(api: ApiOnFakes) -> None:
    api.pay(Request_Id="req-1")

    assert {each.headers["x-request-id"] for each in api.books.handed_over} == {"req-1"}


@pytest.mark.parametrize(
    ("amount", "currency", "minor", "text"),
    [
        (b"1000", "KES", 100_000, "1000.00"),
        (b"1000.5", "KES", 100_050, "1000.50"),
        (b'"1000.50"', "KES", 100_050, "1000.50"),
        (b"0.01", "KES", 1, "0.01"),
        (b"1.15", "KES", 115, "1.15"),
        (b"1e3", "KES", 100_000, "1000.00"),
        (b"10.500", "KES", 1050, "10.50"),
        (b"1000", "JPY", 1000, "1000"),
        (b"1000.0", "JPY", 1000, "1000"),
        (b"1.005", "KWD", 1005, "1.005"),
        (b"9999999999.99", "KES", 999_999_999_999, "9999999999.99"),
        (b'"9999999999.99"', "USD", 999_999_999_999, "9999999999.99"),
    ],
)
def test_amounts_are_taken_exactly(api: ApiOnFakes, amount: bytes, currency: str, minor: int, text: str) -> None:
    body = b'{"provider":"cpay","currency":"%b","customer":{"phone":"+254700000001"},"amount":%b}'

    payment = api.pay(body % (currency.encode(), amount)).get_json()

    assert (payment["amount_minor"], payment["amount"]) == (minor, text)


@pytest.mark.parametrize("phone", ["+254700000001", "0700000001", "0700 000 001", "254700000001", "+254 (700) 000-001"])
def test_a_phone_number_is_read_in_any_usual_form(api: ApiOnFakes, phone: str) -> None:
    payment = api.pay(ORDER | {"customer": {"phone": phone}}).get_json()

    assert payment["customer"]["phone"] == "+254700000001"


def test_a_payment_reads_as_it_is_now_with_what_happened(api: ApiOnFakes) -> None:
    payment_id = api.completed()

    read = api.get(f"/payments/{payment_id}").get_json()

    assert (read["status"], read["sequence"], read["safe_to_retry"]) == ("completed", 2, False)
    assert [entry["event_type"] for entry in read["audit_trail"]] == ["payment.initiated", "payment.completed"]
    assert [message["type"] for message in read["messages"]][-1] == "payment.changed.v1"


def test_a_failed_payment_says_why_and_that_it_is_safe_to_try_again(api: ApiOnFakes) -> None:
    payment_id = api.pay().get_json()["id"]
    (payment,) = api.books.database.committed.transactions.values()
    no = Declined(code=FailureCode.INSUFFICIENT_FUNDS, provider_code="1", provider_message="low")
    api.books.apply(payment, no, context=a_context())

    read = api.get(f"/payments/{payment_id}").get_json()

    assert read["safe_to_retry"] is True
    assert read["failure"] == {
        "code": "insufficient_funds",
        "category": "customer",
        "retryable": True,
        "message": "The customer's balance is too low for this amount.",
        "customer_message": {
            "en": "Your balance is too low for this amount.",
            "sw": "Salio lako halitoshi kwa kiasi hiki.",
        },
        "advice": "Offer to try again after a top-up, or another way to pay.",
        "provider_code": "1",
        "provider_message": "low",
    }


def test_the_client_token_watches_this_payment_and_is_stored_nowhere(api: ApiOnFakes) -> None:
    payment = api.pay().get_json()

    grant = api.tokens.verify_watch(payment["client_token"])

    assert str(grant.transaction_id) == payment["id"]
    assert payment["client_token"] not in repr(api.books.database.committed)
    assert api.get(f"/payments/{payment['id']}").get_json()["client_token"] == payment["client_token"]


def _listed(api: ApiOnFakes, query: str = "") -> tuple[list[str], dict[str, Any]]:
    page = api.get(f"/payments?{query}").get_json()
    return [each["metadata"]["n"] for each in page["data"]], page


@pytest.fixture
def ten(api: ApiOnFakes) -> ApiOnFakes:
    """Ten payments, a second apart; the last two pairs at the same time."""
    for number in range(10):
        payment = a_payment(
            metadata={"n": str(number)},
            created_at=NOON + timedelta(seconds=min(number, 8)),
            status=TransactionStatus.FAILED if number % 2 else TransactionStatus.PENDING,
            customer_id="c1" if number < 3 else None,
            idempotency_key=f"7f8d2c66-3b1e-4a5f-9c0d-{number:012}",
        )
        api.books.put(payment)
    return api


def test_a_list_is_newest_first(ten: ApiOnFakes) -> None:
    numbers, page = _listed(ten)

    assert numbers == list("9876543210")
    assert (page["total"], page["has_more"], page["next_cursor"]) == (10, False, None)


def test_pages_follow_one_another_without_gap_or_repetition(ten: ApiOnFakes) -> None:
    pages = [_listed(ten, f"page={number}&limit=4") for number in (1, 2, 3, 4)]

    assert [numbers for numbers, _ in pages] == [list("9876"), list("5432"), list("10"), []]
    assert [page["has_more"] for _, page in pages] == [True, True, False, False]


def test_cursors_follow_one_another_without_gap_or_repetition(ten: ApiOnFakes) -> None:
    found: list[str] = []
    query = "limit=3"
    for _ in range(4):
        numbers, page = _listed(ten, query)
        found.append("".join(numbers))
        query = f"limit=3&after={page['next_cursor']}"

    assert page["next_cursor"] is None
    assert found == ["987", "654", "321", "0"]


def test_a_payment_that_comes_in_between_moves_no_cursor(ten: ApiOnFakes) -> None:
    _, page = _listed(ten, "limit=3")
    ten.books.put(a_payment(metadata={"n": "x"}, created_at=NOON + timedelta(minutes=1)))

    assert _listed(ten, f"limit=3&after={page['next_cursor']}")[0] == list("654")


def test_what_is_newer_than_a_payment_is_listed_next_to_it(ten: ApiOnFakes) -> None:
    oldest = _listed(ten)[1]["data"][-1]["id"]

    numbers, page = _listed(ten, f"limit=3&before={oldest}")

    assert (numbers, page["has_more"]) == (list("321"), True)


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("status=failed", "97531"),
        ("customer_id=c1", "210"),
        ("status=failed&customer_id=c1", "1"),
        ("provider=cpay&limit=2", "98"),
        ("provider=nobody", ""),
        ("idempotency_key=7f8d2c66-3b1e-4a5f-9c0d-000000000004", "4"),
        ("idempotency_key=7F8D2C66-3B1E-4A5F-9C0D-000000000004", "4"),
        ("idempotency_key=%227f8d2c66-3b1e-4a5f-9c0d-000000000004%22", "4"),
        ("idempotency_key=7f8d2c66-3b1e-4a5f-9c0d-000000000099", ""),
    ],
)
def test_a_list_can_be_narrowed(ten: ApiOnFakes, query: str, numbers: str) -> None:
    assert _listed(ten, query)[0] == list(numbers)


def test_providers_are_listed_with_what_they_can_do(api: ApiOnFakes) -> None:
    listed = {each["name"]: each for each in api.get("/providers").get_json()["data"]}

    assert {name: each["is_active"] for name, each in listed.items()} == {"cpay": True, "narrow": True, "off": False}
    assert (listed["narrow"]["currencies"], listed["narrow"]["customer_needs"]) == (["KES"], ["phone"])
    assert listed["cpay"]["webhook_path"] == "/api/v1/webhooks/cpay"


def test_providers_are_listed_with_whether_they_answer(api: ApiOnFakes) -> None:
    api.breakers = {"cpay": BreakerState.OPEN, "narrow": BreakerState.UNKNOWN}

    listed = {each["name"]: each["breaker"] for each in api.get("/providers").get_json()["data"]}

    assert listed == {"cpay": "open", "narrow": "unknown", "off": "closed"}


def test_figures_count_by_status_and_give_the_share_that_was_taken(api: ApiOnFakes) -> None:
    for status in ("completed", "completed", "refunded", "failed", "pending", "in_doubt"):
        api.books.put(a_payment(status=TransactionStatus(status)))

    figures = api.get("/metrics").get_json()

    assert (figures["transactions"], figures["success_rate"]) == (6, "0.7500")
    assert figures["by_status"] == {"completed": 2, "refunded": 1, "failed": 1, "pending": 1, "in_doubt": 1}
    assert figures["by_provider"]["cpay"] == {"transactions": 6, "completed": 3, "failed": 1, "success_rate": "0.7500"}


def test_without_a_finished_payment_there_is_no_rate(api: ApiOnFakes) -> None:
    api.pay()

    assert api.get("/metrics").get_json()["success_rate"] is None


def test_a_reference_of_the_provider_is_shown_once_it_is_known(api: ApiOnFakes) -> None:
    payment_id = api.pay().get_json()["id"]
    (payment,) = api.books.database.committed.transactions.values()
    api.books.apply(payment, Succeeded(reference="P1"), context=a_context())

    assert api.get(f"/payments/{payment_id}").get_json()["provider_transaction_id"] == "P1"
