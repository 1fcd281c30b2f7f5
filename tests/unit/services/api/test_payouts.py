"""Sending money to somebody: accepted once, refused where the provider cannot, and read back."""

import threading
from typing import Any
from uuid import UUID

import pytest

from shared.contracts.messages.commands import SendPayout
from shared.domain.movement_status import MovementStatus
from shared.domain.outcome import InDoubt, Succeeded
from shared.domain.payout import Payout
from tests.fakes.api import ORDER, PAYOUT, ApiOnFakes, pointers, problem
from tests.fakes.makers import OTHER_MERCHANT, a_context, a_payout

KEY = "0c6f1a80-4a94-4c6e-8a3a-2d5c7c1f6d21"


@pytest.fixture
def api() -> ApiOnFakes:
    return ApiOnFakes()


def _payout(api: ApiOnFakes, payout_id: str) -> Payout:
    return api.books.database.committed.payouts[UUID(payout_id)]


def test_an_accepted_payout_reads_as_it_was_asked_for(api: ApiOnFakes) -> None:
    answer = api.pay_out(PAYOUT | {"metadata": {"bet": "7"}}, Idempotency_Key=KEY)

    payout = answer.get_json()
    assert (answer.status_code, UUID(payout.pop("id")).version) == (202, 7)
    assert payout == {
        "status": "pending",
        "amount": "700.00",
        "amount_minor": 70_000,
        "currency": "KES",
        "provider": "cpay",
        "recipient": {"phone": "+254700000002", "email": None, "name": "Jane"},
        "reason": "Winnings",
        "metadata": {"bet": "7"},
        "provider_payout_id": None,
        "failure": None,
        "needs_review": False,
        "idempotency_key": KEY,
        "safe_to_retry": False,
        "next_check_at": "2026-01-15T12:00:30.000Z",
        "expires_at": "2026-01-16T12:00:00.000Z",
        "sequence": 1,
        "created_at": "2026-01-15T12:00:00.000Z",
        "updated_at": "2026-01-15T12:00:00.000Z",
    }


def test_an_accepted_payout_is_recorded_announced_and_sent(api: ApiOnFakes) -> None:
    payout_id = api.pay_out(PAYOUT).get_json()["id"]

    payout = _payout(api, payout_id)
    assert api.books.event_types(payout) == ["payout.initiated"]
    assert api.books.audit_types(payout) == ["payout.initiated"]
    assert [each.event_type for each in api.books.announced_payouts] == ["payout.initiated"]
    (command,) = api.books.commands
    assert isinstance(command, SendPayout)
    assert (command.payout_id, command.provider, command.expires_at) == (payout.id, "cpay", payout.expires_at)


def test_the_whole_life_of_a_payout_can_be_read(api: ApiOnFakes) -> None:
    payout_id = api.pay_out(PAYOUT).get_json()["id"]
    api.books.apply(_payout(api, payout_id), Succeeded(reference="PO1"), context=a_context())

    payout = api.get(f"/payouts/{payout_id}").get_json()

    assert (payout["status"], payout["provider_payout_id"], payout["sequence"]) == ("succeeded", "PO1", 2)
    assert [entry["event_type"] for entry in payout["audit_trail"]] == ["payout.initiated", "payout.completed"]
    assert payout["attempts"] == []


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"provider": "nobody"}, "/provider"),
        ({"provider": "off"}, "/provider"),
        ({"amount": 0}, "/amount"),
        ({"amount": "1.001"}, "/amount"),
        ({"amount": 10**12}, "/amount"),
        ({"amount": True}, "/amount"),
        ({"currency": "XXY"}, "/currency"),
        ({"currency": "ISK"}, "/currency"),
        ({"currency": "kes"}, "/currency"),
        ({"recipient": {}}, "/recipient"),
        ({"recipient": {"name": "Jane"}}, "/recipient"),
        ({"recipient": {"email": "jane@example.com"}}, "/recipient"),
        ({"recipient": {"phone": "x"}}, "/recipient/phone"),
        ({"recipient": {"phone": "+254700000002", "iban": "x"}}, "/recipient/iban"),
        ({"reason": ""}, "/reason"),
        ({"metadata": {"a": 1}}, "/metadata/a"),
        ({"customer": {}}, "/customer"),
    ],
    ids=str,
)
def test_a_payout_that_is_not_right_is_refused_and_leaves_nothing(
    api: ApiOnFakes, change: dict[str, Any], pointer: str
) -> None:
    refused = api.pay_out(PAYOUT | change)

    assert pointers(problem(refused, 422, "validation_failed")) == [pointer]
    assert api.stored == 0


@pytest.mark.parametrize("field", ["provider", "amount", "currency", "recipient", "reason"])
def test_a_payout_without_a_field_that_it_needs_is_refused(api: ApiOnFakes, field: str) -> None:
    refused = api.pay_out({name: value for name, value in PAYOUT.items() if name != field})

    assert pointers(problem(refused, 422, "validation_failed")) == [f"/{field}"]


def test_a_provider_that_sends_no_payouts_is_refused_and_those_that_do_are_named(api: ApiOnFakes) -> None:
    api.install("takes-only")

    body = problem(api.pay_out(PAYOUT | {"provider": "takes-only"}), 422, "validation_failed")

    assert pointers(body) == ["/provider"]
    assert "these do: cpay, narrow" in body["errors"][0]["detail"]


def test_a_provider_says_what_it_needs_of_who_gets_the_money(api: ApiOnFakes) -> None:
    (cpay,) = [each for each in api.get("/providers").get_json()["data"] if each["name"] == "cpay"]

    assert cpay["recipient_needs_one_of"] == ["phone"]


def test_a_repetition_gets_the_first_answer_and_nothing_is_sent_twice(api: ApiOnFakes) -> None:
    first = api.pay_out(PAYOUT, Idempotency_Key=KEY)
    stored = api.stored

    again = api.pay_out(PAYOUT | {"amount": 700}, Idempotency_Key=KEY)

    assert (again.data, again.headers["Idempotent-Replayed"]) == (first.data, "true")
    assert (api.stored, len(api.books.commands)) == (stored, 1)


@pytest.mark.parametrize(
    "change", [{"amount": 701}, {"reason": "Other"}, {"recipient": {"phone": "+254700000003", "name": "Jane"}}], ids=str
)
def test_the_same_key_for_another_payout_is_refused(api: ApiOnFakes, change: dict[str, Any]) -> None:
    api.pay_out(PAYOUT, Idempotency_Key=KEY)

    problem(api.pay_out(PAYOUT | change, Idempotency_Key=KEY), 422, "idempotency_key_reused")


def test_a_key_that_was_used_for_a_payment_is_not_one_for_a_payout(api: ApiOnFakes) -> None:
    api.pay(ORDER, Idempotency_Key=KEY)

    problem(api.pay_out(PAYOUT, Idempotency_Key=KEY), 422, "idempotency_key_reused")


def test_a_payout_needs_a_key(api: ApiOnFakes) -> None:
    problem(api.pay_out(PAYOUT, Idempotency_Key=None), 400, "idempotency_key_missing")


def test_eight_requests_with_one_key_are_one_payout(api: ApiOnFakes) -> None:
    answers: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: answers.append(api.pay_out(PAYOUT, Idempotency_Key=KEY).data)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(answers)) == len(api.books.database.committed.payouts) == 1


def test_a_repetition_whose_answer_was_purged_gets_the_payout_as_it_is(api: ApiOnFakes) -> None:
    payout_id = api.pay_out(PAYOUT, Idempotency_Key=KEY).get_json()["id"]
    api.books.apply(_payout(api, payout_id), Succeeded(reference="PO1"), context=a_context())
    api.purge()

    again = api.pay_out(PAYOUT, Idempotency_Key=KEY)

    assert (again.status_code, again.get_json()["status"]) == (200, "succeeded")


def test_whoever_prefers_to_wait_gets_the_first_outcome(api: ApiOnFakes) -> None:
    def send(_seconds: float) -> None:
        for payout in api.books.database.committed.payouts.values():
            api.books.apply(payout, Succeeded(reference="PO1"), context=a_context())

    api.patience.meanwhile = send

    answer = api.pay_out(PAYOUT, Prefer="wait=5")

    assert (answer.status_code, answer.get_json()["status"]) == (200, "succeeded")
    assert answer.headers["Preference-Applied"] == "wait=5"


def test_without_an_outcome_in_time_the_payout_is_accepted_all_the_same(api: ApiOnFakes) -> None:
    assert api.pay_out(PAYOUT, Prefer="wait=1").status_code == 202


def test_a_payout_in_doubt_says_that_it_is_not_safe_to_send_another(api: ApiOnFakes) -> None:
    payout = a_payout(status=MovementStatus.PROCESSING)
    api.books.put_payout(payout)
    api.books.apply(payout, InDoubt(reason="x"), context=a_context())

    read = api.get(f"/payouts/{payout.id}").get_json()

    assert (read["status"], read["safe_to_retry"]) == ("in_doubt", False)


def test_another_merchants_payout_is_not_found(api: ApiOnFakes) -> None:
    payout_id = api.pay_out(PAYOUT).get_json()["id"]
    stranger = api.bearer(merchant_id=OTHER_MERCHANT)

    problem(api.get(f"/payouts/{payout_id}", Authorization=stranger), 404, "not_found")
    assert api.get("/payouts", Authorization=stranger).get_json()["data"] == []


@pytest.mark.parametrize("payout_id", [KEY, "x", "1", "%00"])
def test_a_payout_that_does_not_exist_is_not_found(api: ApiOnFakes, payout_id: str) -> None:
    problem(api.get(f"/payouts/{payout_id}"), 404, "not_found")


def test_payouts_are_listed_newest_first_page_by_page(api: ApiOnFakes) -> None:
    ids = []
    for _ in range(5):
        ids.append(api.pay_out(PAYOUT).get_json()["id"])
        api.clock.advance(1)
    newest_first = ids[::-1]

    first = api.get("/payouts?limit=2").get_json()
    second = api.get(f"/payouts?limit=2&after={first['next_cursor']}").get_json()
    back = api.get(f"/payouts?limit=2&before={second['data'][0]['id']}").get_json()

    assert [each["id"] for each in first["data"] + second["data"]] == newest_first[:4]
    assert [each["id"] for each in back["data"]] == newest_first[:2]
    assert (first["has_more"], first["total"], first["page"], first["limit"]) == (True, 5, 1, 2)
    assert [each["id"] for each in api.get("/payouts?limit=2&page=3").get_json()["data"]] == newest_first[4:]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 2),
        ("?status=pending", 1),
        ("?status=succeeded", 1),
        ("?provider=narrow", 0),
        (f"?idempotency_key={KEY}", 1),
    ],
)
def test_a_list_is_narrowed(api: ApiOnFakes, query: str, found: int) -> None:
    api.pay_out(PAYOUT, Idempotency_Key=KEY)
    other = _payout(api, api.pay_out(PAYOUT).get_json()["id"])
    api.books.apply(other, Succeeded(reference="PO1"), context=a_context())

    assert len(api.get(f"/payouts{query}").get_json()["data"]) == found


@pytest.mark.parametrize("query", ["status=paid", "limit=0", "limit=101", "page=0", "after=x", "idempotency_key=x"])
def test_a_list_that_is_asked_for_wrongly_is_refused(api: ApiOnFakes, query: str) -> None:
    assert pointers(problem(api.get(f"/payouts?{query}"), 422, "validation_failed")) == [query.partition("=")[0]]


def test_the_call_that_made_a_payout_is_in_its_trail_and_a_look_at_it_is_not(api: ApiOnFakes) -> None:
    payout_id = api.pay_out(PAYOUT).get_json()["id"]
    api.get(f"/payouts/{payout_id}")

    accepted, looked = api.audited

    assert (accepted.event_data["payout_id"], "asked_for_payout" in accepted.event_data) == (payout_id, False)
    assert (looked.event_data["asked_for_payout"], "payout_id" in looked.event_data) == (payout_id, False)
