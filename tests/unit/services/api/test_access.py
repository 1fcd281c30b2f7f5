"""Who may do what, in which order it is found out, and what is told to those who may not."""

import json
from typing import Any
from uuid import uuid4

import pytest

from services.api.auth import ENDPOINT_SCOPES, PUBLIC_BLUEPRINTS, ROLES
from tests.fakes.api import INITIALIZE, ORDER, PAYOUT, ApiOnFakes, problem
from tests.fakes.clock import NOON
from tests.fakes.makers import MERCHANT, OTHER_MERCHANT, USER

ROUTES = {
    "health": ("GET", "/api/v1/health"),
    "metrics": ("GET", "/api/v1/metrics"),
    "providers": ("GET", "/api/v1/providers"),
    "list": ("GET", "/api/v1/payments"),
    "read": ("GET", "/api/v1/payments/{id}"),
    "pay": ("POST", INITIALIZE),
    "refund": ("POST", "/api/v1/payments/{id}/refund"),
    "payout": ("POST", "/api/v1/payouts"),
    "payouts": ("GET", "/api/v1/payouts"),
    "events": ("GET", "/api/v1/events"),
    "ticket": ("POST", "/api/v1/ws-tickets"),
    "account": ("GET", f"/api/v1/providers/cpay/config?merchant_id={MERCHANT}"),
    "configure": ("POST", "/api/v1/providers/cpay/config"),
    "letters": ("GET", "/api/v1/dead-letters"),
    "replay": ("POST", "/api/v1/dead-letters/replay"),
}
# Who may: o; who is told no: .
MATRIX = """
          platform_admin merchant_admin operator developer viewer unknown
health    o              o              o        o         o      o
metrics   o              o              o        o         o      .
providers o              o              o        o         o      .
list      o              o              o        o         o      .
read      o              o              o        o         o      .
pay       o              o              .        o         .      .
refund    o              o              o        o         .      .
payout    o              o              .        o         .      .
payouts   o              o              o        o         o      .
events    o              o              o        o         o      .
account   o              o              .        .         .      .
configure o              o              .        .         .      .
letters   o              .              .        .         .      .
replay    o              .              .        .         .      .
ticket    o              o              o        o         o      .
"""
GOOD_BODIES: dict[str, dict[str, Any]] = {
    "pay": ORDER,
    "refund": {"amount": 1, "reason": "x"},
    "payout": PAYOUT,
    "replay": {"all": True},
    "ticket": {"user_id": str(USER)},
    "configure": {
        "merchant_id": str(MERCHANT),
        "config": {"base_url": "https://cpay.example/v1", "api_key": "cpk_test_0123456789abcdef0123456789abcdef"},
    },
}


def _matrix() -> list[tuple[str, str, bool]]:
    head, *lines = [line.split() for line in MATRIX.strip().splitlines()]
    return [(role, line[0], cell == "o") for line in lines for role, cell in zip(head, line[1:], strict=True)]


def _call(api: ApiOnFakes, route: str, payment_id: str, body: object = None, **headers: str | None) -> Any:
    method, url = ROUTES[route]
    raw = body if isinstance(body, bytes) else json.dumps(body or GOOD_BODIES.get(route)).encode()
    is_post = method == "POST"
    given = api.headers(**({} if is_post else {"Content_Type": None, "Idempotency_Key": None}) | headers)
    return api.client.open(url.format(id=payment_id), method=method, data=raw if is_post else None, headers=given)


@pytest.fixture
def api() -> ApiOnFakes:
    api = ApiOnFakes()
    api.books.do(lambda work: work.accounts.ensure_merchant(MERCHANT, "Ours", NOON))
    configured = _call(api, "configure", "", Authorization=api.bearer("platform_admin"))
    assert configured.status_code == 200
    return api


@pytest.mark.parametrize(("role", "route", "may"), _matrix())
def test_a_role_may_do_what_the_matrix_says(api: ApiOnFakes, role: str, route: str, may: bool) -> None:
    payment_id = api.completed()
    before = api.stored

    response = _call(api, route, payment_id, Authorization=api.bearer(role))

    if may:
        assert response.status_code in {200, 201, 202}
        return
    problem(response, 403, "not_authorised")
    assert api.stored == before


def test_the_matrix_has_every_role() -> None:
    assert {role for role, *_ in _matrix()} - {"unknown"} == set(ROLES)


@pytest.mark.parametrize("route", [name for name in ROUTES if name != "health"])
def test_who_belongs_to_no_merchant_may_do_nothing_with_payments(api: ApiOnFakes, route: str) -> None:
    bearer = api.bearer("platform_admin", merchant_id=None)

    problem(_call(api, route, str(uuid4()), Authorization=bearer), 403, "not_authorised")


BAD_AUTHORIZATION = [
    None,
    "",
    "Bearer",
    "Bearer ",
    "Bearer x",
    "Basic eHg6eHg=",
    "Token x",
    "bearer a.b.c",
    "Bearer a b",
]


@pytest.mark.parametrize("authorization", BAD_AUTHORIZATION)
@pytest.mark.parametrize("route", [name for name in ROUTES if name != "health"])
def test_without_a_valid_token_nothing_is_answered(api: ApiOnFakes, route: str, authorization: str | None) -> None:
    response = _call(api, route, str(uuid4()), Authorization=authorization)

    problem(response, 401, "not_authenticated")
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_that_is_over_is_no_token(api: ApiOnFakes) -> None:
    bearer = api.bearer()
    api.clock.advance(900)

    problem(api.pay(Authorization=bearer), 401, "not_authenticated")


def test_a_client_token_is_no_access_token(api: ApiOnFakes) -> None:
    token = api.pay().get_json()["client_token"]

    problem(api.get("/payments", Authorization=f"Bearer {token}"), 401, "not_authenticated")


# Each request has the fault of its line and all faults of the lines below it.
FAULTS: list[tuple[str, dict[str, str | None], object, int]] = [
    ("no token", {"Authorization": None, "Content_Type": "text/plain", "Idempotency_Key": None}, b"{", 401),
    ("role", {"Authorization": "viewer", "Content_Type": "text/plain", "Idempotency_Key": None}, b"{", 403),
    ("content type", {"Content_Type": "text/plain", "Idempotency_Key": None}, b"{", 415),
    ("malformed", {"Idempotency_Key": None}, b"{", 400),
    ("no key", {"Idempotency_Key": None}, {"amount": 0}, 400),
    ("invalid", {"Idempotency_Key": "x"}, {"amount": 0}, 422),
    ("no uuid", {"Idempotency_Key": "x"}, ORDER | {"provider": "nobody"}, 400),
    ("unknown provider", {}, ORDER | {"provider": "nobody"}, 422),
]


@pytest.mark.parametrize(("name", "headers", "body", "status"), FAULTS, ids=[each[0] for each in FAULTS])
def test_faults_are_found_in_this_order_and_nothing_is_stored(
    api: ApiOnFakes, name: str, headers: dict[str, str | None], body: object, status: int
) -> None:
    if headers.get("Authorization") == "viewer":
        headers = headers | {"Authorization": api.bearer("viewer")}
    before = api.stored

    response = api.post(INITIALIZE, body, **headers)

    assert response.status_code == status
    assert response.mimetype == "application/problem+json"
    assert (api.stored, api.books.handed_over) == (before, [])


def test_too_many_requests_are_told_so_after_the_token_and_before_the_body() -> None:
    api = ApiOnFakes(rate_limit_writes="2/minute")
    assert [api.pay().status_code for _ in range(2)] == [202, 202]

    response = api.pay(b"{", Content_Type="text/plain")

    assert problem(response, 429, "rate_limited")["retryable"] is True
    assert int(response.headers["Retry-After"]) >= 1
    problem(api.pay(Authorization=None), 401, "not_authenticated")
    problem(api.pay(Authorization=api.bearer("viewer")), 403, "not_authorised")


def test_one_merchants_limit_is_not_anothers() -> None:
    api = ApiOnFakes(rate_limit_writes="1/minute")

    assert api.pay().status_code == 202
    assert api.pay(Authorization=api.bearer(merchant_id=OTHER_MERCHANT)).status_code == 202
    problem(api.pay(Authorization=api.bearer("merchant_admin")), 429, "rate_limited")


def test_a_forged_address_is_no_way_around_the_limit_of_sign_in() -> None:
    api = ApiOnFakes(rate_limit_sign_in="2/minute")
    body = json.dumps({"email": "a@b.co", "password": "x"})

    statuses = [
        api.client.post(
            "/api/v1/auth/token",
            data=body,
            headers={"Content-Type": "application/json", "X-Forwarded-For": f"10.0.0.{each}"},
        ).status_code
        for each in range(4)
    ]

    assert statuses == [401, 401, 429, 429]


@pytest.mark.parametrize("route", ["read", "refund"])
def test_another_merchants_payment_is_answered_exactly_like_one_that_does_not_exist(
    api: ApiOnFakes, route: str
) -> None:
    foreign = api.completed(merchant_id=OTHER_MERCHANT)
    before = api.stored

    answers = [_call(api, route, payment_id, Request_Id="r1") for payment_id in (foreign, str(uuid4()))]

    problem(answers[0], 404, "not_found")
    assert answers[0].data == answers[1].data
    assert _without_reset(answers[0]) == _without_reset(answers[1])
    assert api.stored == before


def _without_reset(response: Any) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if not name.startswith("RateLimit")}


@pytest.mark.parametrize("payment_id", ["7", "x", "null", "00000000", "%00", "' OR 1=1", "..", "{}", "a" * 500])
@pytest.mark.parametrize("route", ["read", "refund"])
def test_what_is_no_id_names_no_payment(api: ApiOnFakes, route: str, payment_id: str) -> None:
    problem(_call(api, route, payment_id), 404, "not_found")


def test_a_list_has_ones_own_payments_alone(api: ApiOnFakes) -> None:
    own, foreign = api.completed(), api.completed(merchant_id=OTHER_MERCHANT)

    listed = api.get("/payments").get_json()

    assert ([each["id"] for each in listed["data"]], listed["total"]) == ([own], 1)
    for cursor in ("after", "before"):
        assert api.get(f"/payments?{cursor}={foreign}").get_json()["data"] == []


def test_figures_count_ones_own_payments_alone(api: ApiOnFakes) -> None:
    api.completed()
    api.completed(merchant_id=OTHER_MERCHANT)

    assert api.get("/metrics").get_json()["transactions"] == 1


def test_every_route_has_a_scope_or_is_meant_to_be_public(api: ApiOnFakes) -> None:
    endpoints = {rule.endpoint for rule in api.app.url_map.iter_rules()}

    listed = {name for name in endpoints if name.partition(".")[0] not in PUBLIC_BLUEPRINTS}

    assert listed == set(ENDPOINT_SCOPES)


def test_a_route_that_was_forgotten_is_refused(api: ApiOnFakes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(ENDPOINT_SCOPES, "payments.list_payments")

    problem(api.get("/payments"), 403, "not_authorised")


def test_every_scope_that_a_route_needs_belongs_to_some_role() -> None:
    given = frozenset().union(*ROLES.values())

    assert {scope for scope in ENDPOINT_SCOPES.values() if scope is not None} <= given


@pytest.mark.parametrize("name", ["audit_trail", "attempts", "refunds", "messages"])
def test_a_payment_reads_with_its_whole_life(api: ApiOnFakes, name: str) -> None:
    payment_id = api.completed()
    api.refund(payment_id, {"amount": 1, "reason": "x"})

    read = api.get(f"/payments/{payment_id}").get_json()

    assert isinstance(read[name], list)
    assert read[name] or name == "attempts"
    assert read["id"] == payment_id


def test_the_audit_trail_says_who_from_where_and_with_which_request(api: ApiOnFakes) -> None:
    payment_id = api.pay(Request_Id="req-1", User_Agent="shop/1.0").get_json()["id"]

    (entry,) = api.get(f"/payments/{payment_id}").get_json()["audit_trail"]

    assert (entry["event_type"], entry["request_id"], entry["user_agent"]) == ("payment.initiated", "req-1", "shop/1.0")
    assert (entry["ip_address"], entry["user_id"]) == ("127.0.0.1", "33333333-3333-4333-8333-333333333333")


def test_the_merchant_of_a_payment_is_the_tokens() -> None:
    api = ApiOnFakes()

    api.pay()

    (payment,) = api.books.database.committed.transactions.values()
    assert payment.merchant_id == MERCHANT
