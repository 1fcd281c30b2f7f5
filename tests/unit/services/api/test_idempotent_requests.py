"""Every row of the idempotency contract, over HTTP."""

import json
from typing import Any
from uuid import uuid1, uuid4, uuid5

import pytest

from shared.domain.outcome import Succeeded
from shared.persistence.idempotency import IdempotencyClaim
from tests.fakes.api import INITIALIZE, ORDER, ApiOnFakes, pointers, problem
from tests.fakes.clock import NOON
from tests.fakes.makers import MERCHANT, OTHER_MERCHANT, USER, a_context

KEY = "7f8d2c66-3b1e-4a5f-9c0d-1e2f3a4b5c6d"


@pytest.fixture
def api() -> ApiOnFakes:
    return ApiOnFakes()


def _payments(api: ApiOnFakes) -> int:
    return len(api.books.database.committed.transactions)


def test_the_first_request_is_accepted_with_the_resource(api: ApiOnFakes) -> None:
    response = api.pay(Idempotency_Key=KEY)

    body = response.get_json()
    assert (response.status_code, body["status"], body["idempotency_key"]) == (202, "pending", KEY)
    assert "Idempotent-Replayed" not in response.headers


def test_the_claim_the_payment_its_event_audit_command_and_answer_are_one_transaction(api: ApiOnFakes) -> None:
    api.books.database.break_next_commit(applied=False)
    problem(api.pay(Idempotency_Key=KEY), 503, "unavailable")
    assert api.stored == 0

    assert api.pay(Idempotency_Key=KEY).status_code == 202

    tables = api.books.database.committed
    assert [len(each) for each in (tables.idempotency_keys, tables.transactions, tables.events, tables.audit_log)] == [
        1
    ] * 4
    assert sorted(row.message.type for row in tables.outbox.values()) == ["payment.changed.v1", "payment.initialize.v1"]
    assert [message.type for message in api.books.handed_over] == ["payment.changed.v1", "payment.initialize.v1"]


@pytest.mark.parametrize("cache_is_away", [False, True])
def test_the_same_request_again_gets_the_first_answer_byte_for_byte(api: ApiOnFakes, cache_is_away: bool) -> None:
    api.cache.is_away = cache_is_away
    first = api.pay(Idempotency_Key=KEY)
    api.clock.advance(600)

    again = [api.pay(Idempotency_Key=KEY) for _ in range(3)]

    assert {(each.status_code, each.data) for each in again} == {(202, first.data)}
    assert {each.headers["Idempotent-Replayed"] for each in again} == {"true"}
    assert (_payments(api), len(api.books.commands)) == (1, 1)


def test_the_first_answer_stays_although_the_payment_has_moved(api: ApiOnFakes) -> None:
    first = api.pay(Idempotency_Key=KEY)
    (payment,) = api.books.database.committed.transactions.values()
    api.books.apply(payment, Succeeded(reference="P1"), context=a_context())

    assert api.pay(Idempotency_Key=KEY).data == first.data
    assert api.get(f"/payments/{payment.id}").get_json()["status"] == "completed"


@pytest.mark.parametrize("cache_is_emptied", [False, True])
def test_a_cache_that_is_emptied_in_between_changes_nothing(api: ApiOnFakes, cache_is_emptied: bool) -> None:
    first = api.pay(Idempotency_Key=KEY)
    if cache_is_emptied:
        api.cache.kept.clear()

    assert api.pay(Idempotency_Key=KEY).data == first.data


def test_while_the_first_still_runs_the_second_is_told_to_wait(api: ApiOnFakes) -> None:
    api.books.database.lock_timeout_seconds = 0.01
    claim = IdempotencyClaim(
        merchant_id=MERCHANT, key=KEY, endpoint="x", fingerprint="x", resource_id=uuid4(), created_at=NOON
    )
    with api.books.unit_of_work() as first:
        assert first.idempotency_keys.claim(claim)
        response = api.pay(Idempotency_Key=KEY)

    body = problem(response, 409, "idempotency_in_flight")
    assert (response.headers["Retry-After"], body["retryable"]) == ("1", True)
    assert api.pay(Idempotency_Key=KEY).status_code == 202


OTHER_BODIES: list[dict[str, Any]] = [
    {"amount": 1001},
    {"currency": "USD"},
    {"customer": {"phone": "+254700000002"}},
    {"customer": {"phone": "+254700000001", "name": "A"}},
    {"customer_id": "c1"},
    {"metadata": {"order": "7"}},
    {"payment_method": "card"},
    {"provider": "narrow"},
]


@pytest.mark.parametrize("change", OTHER_BODIES, ids=str)
def test_the_same_key_with_another_body_is_refused(api: ApiOnFakes, change: dict[str, Any]) -> None:
    api.pay(Idempotency_Key=KEY)
    before = api.stored

    body = problem(api.pay(ORDER | change, Idempotency_Key=KEY), 422, "idempotency_key_reused")

    assert (pointers(body), body["retryable"]) == (["Idempotency-Key"], False)
    assert api.stored == before


SAME_MEANING: list[bytes] = [
    b'{"amount":1000.0,"provider":"cpay","currency":"KES","customer":{"phone":"+254700000001"}}',
    b'{"amount":"1000","provider":"cpay","currency":"KES","customer":{"phone":"+254700000001"}}',
    b'{"amount":"1000.00","provider":"cpay","currency":"KES","customer":{"phone":"+254700000001"}}',
    b'{"amount":1e3,"provider":"cpay","currency":"KES","customer":{"phone":"+254700000001"}}',
    b'{"amount":1000,"provider":"cpay","currency":"KES","customer":{"phone":"0700 000 001"}}',
    b'{"customer":{"phone":"+254700000001","email":null},\n"currency":"KES","provider":"cpay","amount":1000,"metadata":{}}',
]


@pytest.mark.parametrize("body", SAME_MEANING)
def test_the_same_meaning_in_another_form_is_the_same_request(api: ApiOnFakes, body: bytes) -> None:
    first = api.pay(Idempotency_Key=KEY)

    again = api.pay(body, Idempotency_Key=KEY)

    assert (again.status_code, again.data) == (202, first.data)


def test_the_same_key_on_another_endpoint_is_refused(api: ApiOnFakes) -> None:
    payment_id = api.pay(Idempotency_Key=KEY).get_json()["id"]

    problem(api.refund(payment_id, {"amount": 1, "reason": "x"}, Idempotency_Key=KEY), 422, "idempotency_key_reused")


def test_after_the_answer_was_purged_the_payment_is_returned_and_none_is_made(api: ApiOnFakes) -> None:
    first = api.pay(Idempotency_Key=KEY).get_json()
    (payment,) = api.books.database.committed.transactions.values()
    api.books.apply(payment, Succeeded(reference="P1"), context=a_context())
    api.purge()

    again = api.pay(Idempotency_Key=KEY)

    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert (again.get_json()["id"], again.get_json()["status"]) == (first["id"], "completed")
    assert _payments(api) == 1


def test_after_the_answer_was_purged_another_body_is_still_refused(api: ApiOnFakes) -> None:
    api.pay(Idempotency_Key=KEY)
    api.purge()

    problem(api.pay(ORDER | {"amount": 7}, Idempotency_Key=KEY), 422, "idempotency_key_reused")


def test_another_merchants_key_is_another_key(api: ApiOnFakes) -> None:
    first = api.pay(Idempotency_Key=KEY).get_json()

    other = api.pay(Idempotency_Key=KEY, Authorization=api.bearer(merchant_id=OTHER_MERCHANT))

    assert other.status_code == 202
    assert other.get_json()["id"] != first["id"]
    assert _payments(api) == 2


def test_another_token_of_the_same_merchant_gets_the_first_answer(api: ApiOnFakes) -> None:
    first = api.pay(Idempotency_Key=KEY)
    api.clock.advance(60)

    assert api.pay(Idempotency_Key=KEY, Authorization=api.bearer("merchant_admin")).data == first.data


@pytest.mark.parametrize("form", [KEY, KEY.upper(), f'"{KEY}"', f" {KEY} "], ids=["bare", "upper", "quoted", "spaces"])
def test_a_key_may_be_bare_or_quoted_and_its_letters_case_does_not_matter(api: ApiOnFakes, form: str) -> None:
    first = api.pay(Idempotency_Key=KEY)

    assert api.pay(Idempotency_Key=form).data == first.data


BAD_KEYS = {
    "empty": "",
    "spaces": "   ",
    "quotes": '""',
    "256 characters": "a" * 256,
    "no uuid": "order-7",
    "version 1": str(uuid1()),
    "version 5": str(uuid5(USER, "x")),
    "version 7": str(USER).replace("-4", "-7", 1),
    "no variant": "7f8d2c66-3b1e-4a5f-1c0d-1e2f3a4b5c6d",
    "without dashes": uuid4().hex,
    "in braces": f"{{{KEY}}}",
    "urn": f"urn:uuid:{KEY}",
    "half quoted": f'"{KEY}',
    "single quotes": f"'{KEY}'",
    "two in one line": f"{KEY}, {KEY}",
    "one too long": f"{KEY}0",
    "other digits": KEY.replace("7", "\u0667"),
    "nil": "00000000-0000-0000-0000-000000000000",
}


@pytest.mark.parametrize("name", BAD_KEYS)
def test_what_is_no_uuid_of_version_four_is_no_key(api: ApiOnFakes, name: str) -> None:
    body = problem(api.pay(Idempotency_Key=BAD_KEYS[name]), 400, "idempotency_key_invalid")

    assert pointers(body) == ["Idempotency-Key"]
    assert api.stored == 0


def test_a_key_is_needed(api: ApiOnFakes) -> None:
    body = problem(api.pay(Idempotency_Key=None), 400, "idempotency_key_missing")

    assert pointers(body) == ["Idempotency-Key"]
    assert api.stored == 0


@pytest.mark.parametrize("second", [KEY, str(uuid4())], ids=["the same", "another"])
def test_two_headers_are_no_key(api: ApiOnFakes, second: str) -> None:
    headers = [*api.headers(Idempotency_Key=KEY).items(), ("Idempotency-Key", second)]

    response = api.client.post(INITIALIZE, data=json.dumps(ORDER), headers=headers)

    problem(response, 400, "idempotency_key_invalid")
    assert api.stored == 0


def test_what_was_refused_is_not_stored_and_its_key_can_be_used(api: ApiOnFakes) -> None:
    problem(api.pay(ORDER | {"amount": 0}, Idempotency_Key=KEY), 422, "validation_failed")

    assert api.pay(Idempotency_Key=KEY).status_code == 202


@pytest.mark.parametrize("applied", [True, False])
def test_after_a_commit_of_unknown_fate_the_repetition_makes_exactly_one_payment(
    api: ApiOnFakes, applied: bool
) -> None:
    api.books.database.break_next_commit(applied=applied)
    response = api.pay(Idempotency_Key=KEY)
    problem(response, 503, "unavailable")
    assert response.headers["Retry-After"] == "2"

    again = api.pay(Idempotency_Key=KEY)

    assert (again.status_code, "Idempotent-Replayed" in again.headers) == (202, applied)
    assert _payments(api) == 1


def test_with_the_database_away_a_repetition_is_answered_from_the_cache(api: ApiOnFakes) -> None:
    first = api.pay(Idempotency_Key=KEY)
    api.books.database.is_away = True

    assert api.pay(Idempotency_Key=KEY).data == first.data
    problem(api.pay(), 503, "unavailable")


def test_a_refund_repeats_its_first_answer_too(api: ApiOnFakes) -> None:
    payment_id = api.completed()
    first = api.refund(payment_id, {"amount": "400.00", "reason": "x"}, Idempotency_Key=KEY)

    again = api.refund(payment_id, {"reason": "x", "amount": 400}, Idempotency_Key=KEY)

    assert (first.status_code, again.status_code, again.data) == (202, 202, first.data)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(api.books.database.committed.refunds) == 1


@pytest.mark.parametrize("change", [{"amount": 401}, {"reason": "y"}], ids=str)
def test_a_refunds_key_with_another_body_is_refused(api: ApiOnFakes, change: dict[str, Any]) -> None:
    payment_id = api.completed()
    api.refund(payment_id, {"amount": 400, "reason": "x"}, Idempotency_Key=KEY)

    response = api.refund(payment_id, {"amount": 400, "reason": "x"} | change, Idempotency_Key=KEY)

    problem(response, 422, "idempotency_key_reused")


def test_a_refunds_key_on_another_payment_is_refused(api: ApiOnFakes) -> None:
    one, other = api.completed(), api.completed()
    api.refund(one, {"amount": 400, "reason": "x"}, Idempotency_Key=KEY)

    problem(api.refund(other, {"amount": 400, "reason": "x"}, Idempotency_Key=KEY), 422, "idempotency_key_reused")


def test_after_a_refunds_answer_was_purged_the_refund_is_returned(api: ApiOnFakes) -> None:
    payment_id = api.completed()
    first = api.refund(payment_id, {"amount": 400, "reason": "x"}, Idempotency_Key=KEY).get_json()
    api.purge()

    again = api.refund(payment_id, {"amount": 400, "reason": "x"}, Idempotency_Key=KEY)

    assert (again.status_code, again.get_json()["id"]) == (200, first["id"])


def test_a_refund_that_was_refused_leaves_its_key_free(api: ApiOnFakes) -> None:
    payment_id = api.completed()
    problem(api.refund(payment_id, {"amount": 1001, "reason": "x"}, Idempotency_Key=KEY), 422, "refund_exceeds_payment")

    assert api.refund(payment_id, {"amount": 1000, "reason": "x"}, Idempotency_Key=KEY).status_code == 202


def test_a_repetition_gets_its_first_answer_although_the_provider_was_switched_off_since(api: ApiOnFakes) -> None:
    key = str(uuid4())
    first = api.pay(Idempotency_Key=key)

    api.active = {}
    again = api.pay(Idempotency_Key=key)

    assert again.data == first.data
    assert pointers(problem(api.pay(), 422, "validation_failed")) == ["/provider"]
    assert _payments(api) == 1
