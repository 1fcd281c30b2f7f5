"""Every call is audited behind its answer: who asked what, from where, with which result; never a body or a secret."""

from typing import Any
from uuid import UUID

import pytest

from shared.persistence.accounts import Account
from shared.persistence.audit_entry import AuditEntry
from shared.runtime.allowance import Allowance
from tests.fakes.api import INITIALIZE, ORDER, ApiOnFakes
from tests.fakes.clock import NOON
from tests.fakes.makers import MERCHANT, OTHER_MERCHANT, USER, a_payment

TOKEN = "/api/v1/auth/token"


@pytest.fixture
def api() -> ApiOnFakes:
    return ApiOnFakes()


def _last(api: ApiOnFakes) -> AuditEntry:
    return api.audited[-1]


def test_a_call_is_audited_with_who_where_what_and_how_it_ended(api: ApiOnFakes) -> None:
    key = "0b4e4ad0-8a1d-4e1f-9d5b-6a0a3a0f9a11"

    payment_id = api.pay(Request_Id="req-1", User_Agent="shop/1.0", Idempotency_Key=key).get_json()["id"]

    (entry,) = api.audited
    assert (entry.event_type, entry.timestamp, entry.merchant_id) == ("api.called", NOON, MERCHANT)
    assert (entry.user_id, entry.ip_address) == (str(USER), "127.0.0.1")
    assert (entry.user_agent, entry.request_id) == ("shop/1.0", "req-1")
    assert entry.transaction_id == UUID(payment_id)
    assert isinstance(entry.event_data["milliseconds"], int)
    assert {**entry.event_data, "milliseconds": 0} == {
        "method": "POST",
        "route": INITIALIZE,
        "status": 202,
        "milliseconds": 0,
        "idempotency_key": key,
    }


def test_a_repetition_is_told_from_the_first_call(api: ApiOnFakes) -> None:
    key = "0b4e4ad0-8a1d-4e1f-9d5b-6a0a3a0f9a11"

    for _ in range(2):
        api.pay(Idempotency_Key=key)

    assert [entry.event_data.get("replayed") for entry in api.audited] == [None, True]
    assert api.audited[0].transaction_id == api.audited[1].transaction_id


def test_an_accepted_refund_is_audited_with_its_payment(api: ApiOnFakes) -> None:
    payment_id = api.completed()

    api.refund(payment_id, {"amount": 1, "reason": "x"})

    assert _last(api).event_data["route"] == "/api/v1/payments/<transaction_id>/refund"
    assert _last(api).transaction_id == UUID(payment_id)


@pytest.mark.parametrize("known", [True, False])
def test_a_refused_call_names_the_payment_as_a_detail_only(api: ApiOnFakes, known: bool) -> None:
    """The row's column refers to a payment that exists and is the merchant's; this one may be nobody's."""
    theirs = a_payment(merchant_id=OTHER_MERCHANT)
    if known:
        api.books.put(theirs)

    response = api.refund(theirs.id, {"amount": 1, "reason": "x"})

    assert response.status_code == 404
    assert _last(api).transaction_id is None
    assert _last(api).event_data["transaction_id"] == str(theirs.id)


def test_what_was_sent_in_the_place_of_an_id_or_a_key_is_not_kept(api: ApiOnFakes) -> None:
    api.get("/payments/canary-id")
    api.pay(Idempotency_Key="canary-key")

    assert [entry.event_data["status"] for entry in api.audited] == [404, 400]
    assert "canary" not in str(api.audited)


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Authorization": None}, 401), ({"Authorization": "Bearer canary"}, 401), ({"Authorization": "viewer"}, 403)],
)
@pytest.mark.parametrize("reads", [True, False])
def test_who_is_refused_is_audited(headers: dict[str, Any], status: int, reads: bool) -> None:
    api = ApiOnFakes(audit_reads=reads)
    given = {"Authorization": api.bearer("viewer")} if headers["Authorization"] == "viewer" else headers

    assert api.pay(**given).status_code == status

    assert _last(api).event_data["status"] == status
    assert _last(api).merchant_id == (MERCHANT if status == 403 else None)
    assert "canary" not in str(api.audited)


def test_reads_are_audited(api: ApiOnFakes) -> None:
    api.get("/payments")

    assert [(e.event_data["method"], e.event_data["route"]) for e in api.audited] == [("GET", "/api/v1/payments")]


def test_reads_can_be_left_out_but_refused_ones_stay() -> None:
    api = ApiOnFakes(audit_reads=False)

    api.get("/payments")
    api.get("/payments", Authorization=None)
    api.pay()

    assert [entry.event_data["status"] for entry in api.audited] == [401, 202]


@pytest.mark.parametrize("path", ["/health", "/nowhere", "/../../openapi/openapi.json"])
def test_what_is_nobodys_call_is_not_audited(api: ApiOnFakes, path: str) -> None:
    api.get(path)

    assert api.audited == []


def test_a_limit_that_was_reached_is_audited() -> None:
    api = ApiOnFakes(rate_limit_reads="1/minute")

    for _ in range(2):
        api.get("/payments")

    assert [entry.event_data["status"] for entry in api.audited] == [200, 429]


def test_neither_the_body_nor_the_answer_is_kept(api: ApiOnFakes) -> None:
    order = ORDER | {"customer": {"phone": "+254700000001", "name": "canary"}, "metadata": {"x": "canary"}}

    api.pay(order)

    assert "canary" not in str(api.audited)
    assert "254700000001" not in str(api.audited)


def test_an_audit_that_fails_fails_no_call(api: ApiOnFakes) -> None:
    def broken(_entry: AuditEntry) -> None:
        raise RuntimeError

    api.audit._offer = broken

    assert api.pay().status_code == 202


def test_strangers_cause_a_bounded_number_of_entries(api: ApiOnFakes) -> None:
    api.audit._strangers = Allowance(per_second=0, burst=3)

    for _ in range(10):
        api.get("/payments", Authorization=None)
    api.pay()

    assert [entry.event_data["status"] for entry in api.audited] == [401, 401, 401, 202]


def test_a_sign_in_is_audited(api: ApiOnFakes) -> None:
    _account(api)

    response = api.post(TOKEN, {"api_key_id": "key_1", "api_key_secret": "gws_canary"}, Authorization=None)

    assert response.status_code == 200
    entry = api.audited[0]
    assert (entry.event_type, entry.user_id, entry.merchant_id) == ("auth.signed_in", str(USER), MERCHANT)
    assert entry.event_data == {"method": "api_key", "role": "developer"}
    assert response.get_json()["access_token"] not in str(api.audited)


@pytest.mark.parametrize(
    ("body", "method", "name"),
    [
        ({"api_key_id": "gwk_0123456789abcdef", "api_key_secret": "canary"}, "api_key", "gwk_012345…"),
        ({"api_key_id": "canary-secret-in-the-wrong-field", "api_key_secret": "canary"}, "api_key", "[hidden]"),
        ({"email": "canary@gateway.example", "password": "canary"}, "password", "c…@gateway.example"),
    ],
)
def test_a_refused_sign_in_is_audited_without_what_was_typed(
    api: ApiOnFakes, body: dict[str, str], method: str, name: str
) -> None:
    response = api.post(TOKEN, body, Authorization=None)

    assert response.status_code == 401
    assert [entry.event_type for entry in api.audited] == ["auth.refused", "api.called"]
    assert api.audited[0].event_data == {"method": method, "name": name}
    assert api.audited[0].ip_address == "127.0.0.1"
    assert "canary" not in str(api.audited)


def _account(api: ApiOnFakes) -> None:
    account = Account(user_id=USER, merchant_id=MERCHANT, role="developer", secret_hash="cheap:gws_canary")
    with api.books.unit_of_work() as work:
        work.accounts.ensure_merchant(MERCHANT, "Shop", NOON)
        work.accounts.ensure_user(account, "dev@gateway.example", NOON)
        work.accounts.ensure_api_key("key_1", account, NOON)
        work.commit()
