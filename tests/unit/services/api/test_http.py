"""What every answer has, whatever it says; and the document that describes them all."""

from typing import Any
from uuid import UUID

import pytest
from openapi_spec_validator import validate

from services.api.auth import ENDPOINT_SCOPES
from tests.fakes.api import INITIALIZE, ORDER, ApiOnFakes, problem

ANSWERS: dict[str, tuple[str, str, dict[str, str]]] = {
    "ok": ("GET", "/api/v1/health", {}),
    "not authenticated": ("GET", "/api/v1/payments", {}),
    "not found": ("GET", "/api/v1/nothing", {}),
    "far away": ("GET", "/", {}),
    "method not allowed": ("DELETE", "/api/v1/payments", {}),
    "not acceptable": ("POST", "/api/v1/auth/token", {"Content-Type": "application/json"}),
    "preflight": ("OPTIONS", INITIALIZE, {}),
}


@pytest.fixture(scope="module")
def api() -> ApiOnFakes:
    return ApiOnFakes()


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_has_the_headers_that_keep_browsers_and_caches_away(api: ApiOnFakes, name: str) -> None:
    method, url, headers = ANSWERS[name]

    given = api.client.open(url, method=method, headers=headers).headers

    assert given["X-Content-Type-Options"] == "nosniff"
    assert given["X-Frame-Options"] == "DENY"
    assert given["Referrer-Policy"] == "no-referrer"
    assert given["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert given["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in given
    assert not [name for name, _ in given if name.lower() in {"server", "x-powered-by", "set-cookie"}]


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_names_its_request(api: ApiOnFakes, name: str) -> None:
    method, url, headers = ANSWERS[name]

    offered = api.client.open(url, method=method, headers=headers | {"Request-Id": "req-1"})
    made = api.client.open(url, method=method, headers=headers)

    assert offered.headers["Request-Id"] == "req-1"
    assert UUID(made.headers["Request-Id"]).version == 7


@pytest.mark.parametrize("offered", ["", "a b", "x" * 129, "<x>", "a;b", "a/b", '"a"', "\u00e4"])
def test_an_unsafe_request_id_is_replaced(api: ApiOnFakes, offered: str) -> None:
    answered = api.client.get("/api/v1/health", headers={"Request-Id": offered}).headers["Request-Id"]

    assert answered != offered
    assert UUID(answered).version == 7


@pytest.mark.parametrize(
    "url",
    [
        "/",
        "/admin",
        "/metrics",
        "/livez",
        "/api/v1",
        "/api/v2/payments",
        "/api/v1/payments/x/y",
        "/static/x",
        "/static/../app.py",
        "/.env",
        "/api/v1//health",
    ],
)
def test_elsewhere_there_is_nothing(api: ApiOnFakes, url: str) -> None:
    response = api.client.get(url)

    assert response.status_code in {404, 308}
    if response.status_code == 404:
        problem(response, 404, "not_found")


@pytest.mark.parametrize(
    ("method", "url"),
    [("DELETE", "/api/v1/payments"), ("PUT", INITIALIZE), ("POST", "/api/v1/health"), ("PATCH", "/api/v1/payments/x")],
)
def test_another_method_is_refused_in_the_same_form(api: ApiOnFakes, method: str, url: str) -> None:
    problem(api.client.open(url, method=method), 405, "method_not_allowed")


def test_a_bug_is_told_as_our_fault_without_details(monkeypatch: pytest.MonkeyPatch) -> None:
    own = ApiOnFakes()

    def fail(_self: object, _merchant_id: object) -> None:
        raise KeyError("canary")

    monkeypatch.setattr("services.api.use_cases.describe.Describe.figures", fail)
    response = own.get("/metrics")

    body = problem(response, 500, "internal_error")
    assert "canary" not in str(body)
    assert body["retryable"] is False


def test_with_the_database_away_reading_is_told_to_try_again() -> None:
    own = ApiOnFakes()
    own.books.database.is_away = True

    response = own.get("/payments")

    assert problem(response, 503, "unavailable")["retryable"] is True
    assert response.headers["Retry-After"] == "2"


@pytest.mark.parametrize(("status", "word"), [(200, "ready"), (200, "degraded"), (503, "unready")])
def test_health_says_what_the_process_is_ready_for(status: int, word: str) -> None:
    own = ApiOnFakes()
    own.readiness = (status, {"status": word, "checks": {"database": "ok"}})

    response = own.client.get("/api/v1/health")

    assert (response.status_code, response.get_json()["status"]) == (status, word)


def test_one_request_leaves_nothing_behind_for_the_next(api: ApiOnFakes) -> None:
    api.client.get("/api/v1/health", headers={"Request-Id": "req-1"})

    assert api.client.get("/api/v1/health").headers["Request-Id"] != "req-1"


ORIGIN = "https://shop.example"


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        (ORIGIN, True),
        ("https://evil.example", False),
        ("https://shop.example.evil.example", False),
        ("https://a.shop.example", False),
        ("http://shop.example", False),
        ("null", False),
        ("https://shop.example:8443", False),
    ],
)
def test_only_origins_that_are_listed_may_read_answers(origin: str, is_allowed: bool) -> None:
    own = ApiOnFakes(cors_origins=ORIGIN)

    given = own.client.get("/api/v1/health", headers={"Origin": origin}).headers

    assert given.get("Access-Control-Allow-Origin") == (ORIGIN if is_allowed else None)
    assert "Access-Control-Allow-Credentials" not in given


def test_a_listed_origin_may_send_the_headers_that_a_payment_needs() -> None:
    own = ApiOnFakes(cors_origins=ORIGIN)
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
    }

    given = own.client.options(INITIALIZE, headers=asked).headers

    assert given["Access-Control-Allow-Origin"] == ORIGIN
    assert {each.strip().lower() for each in given["Access-Control-Allow-Headers"].split(",")} >= {
        "authorization",
        "content-type",
        "idempotency-key",
    }


def _document(api: ApiOnFakes) -> dict[str, Any]:
    response = api.client.get("/openapi/openapi.json")
    assert response.status_code == 200
    document: dict[str, Any] = response.get_json()
    return document


def test_the_document_is_valid_openapi(api: ApiOnFakes) -> None:
    document = _document(api)

    validate(document)
    assert document["openapi"] == "3.1.0"


def test_every_route_is_in_the_document_and_every_documented_one_has_a_scope(api: ApiOnFakes) -> None:
    documented = set(_document(api)["paths"])

    rules = {
        rule.rule.replace("<", "{").replace(">", "}"): rule.endpoint
        for rule in api.app.url_map.iter_rules()
        if rule.endpoint in ENDPOINT_SCOPES
    }

    assert documented == set(rules)


def test_the_document_says_which_routes_need_a_token(api: ApiOnFakes) -> None:
    for path, methods in _document(api)["paths"].items():
        for operation in methods.values():
            is_public = path in {"/api/v1/health", "/api/v1/auth/token"}
            assert bool(operation.get("security")) is not is_public, path


@pytest.mark.parametrize(
    ("path", "method", "statuses"),
    [
        ("/api/v1/payments/initialize", "post", {400, 401, 403, 409, 413, 415, 422, 429, 503}),
        ("/api/v1/payments/{transaction_id}/refund", "post", {400, 401, 403, 404, 409, 413, 415, 422, 429, 503}),
        ("/api/v1/payments/{transaction_id}", "get", {401, 403, 404, 429, 503}),
        ("/api/v1/payments", "get", {401, 403, 422, 429, 503}),
        ("/api/v1/providers", "get", {401, 403, 429, 503}),
        ("/api/v1/metrics", "get", {401, 403, 429, 503}),
        ("/api/v1/auth/token", "post", {400, 401, 413, 415, 422, 429, 503}),
    ],
)
def test_every_operation_documents_its_refusals_and_their_form(
    api: ApiOnFakes, path: str, method: str, statuses: set[int]
) -> None:
    responses = _document(api)["paths"][path][method]["responses"]

    assert {str(status) for status in statuses} <= set(responses)
    for status in statuses:
        assert responses[str(status)]["content"]["application/problem+json"]["schema"] == {
            "$ref": "#/components/schemas/ProblemDetails"
        }


def test_every_operation_says_what_it_is_for(api: ApiOnFakes) -> None:
    for methods in _document(api)["paths"].values():
        assert all(operation["summary"] for operation in methods.values())


def test_the_answers_have_exactly_the_documented_fields(api: ApiOnFakes) -> None:
    schemas = _document(api)["components"]["schemas"]
    payment_id = api.completed()
    refund = api.refund(payment_id, {"amount": 1, "reason": "x"}).get_json()
    read = api.get(f"/payments/{payment_id}").get_json()
    page = api.get("/payments").get_json()

    answers = {
        "PaymentView": api.pay(ORDER).get_json(),
        "PaymentDetailView": read,
        "RefundView": refund,
        "PaymentPage": page,
        "AuditView": read["audit_trail"][0],
        "MessageView": read["messages"][0],
        "MetricsView": api.get("/metrics").get_json(),
        "ProviderList": api.get("/providers").get_json(),
        "ProviderView": api.get("/providers").get_json()["data"][0],
        "HealthView": api.client.get("/api/v1/health").get_json(),
        "ProblemDetails": problem(api.get("/payments/x"), 404, "not_found") | {"provider": None},
    }

    for name, body in answers.items():
        assert set(body) == set(schemas[name]["properties"]), name


def test_the_documentation_page_is_public_and_may_run_only_its_own_script(api: ApiOnFakes) -> None:
    response = api.client.get("/openapi/swagger")

    assert response.status_code == 200
    assert "http:" not in response.headers["Content-Security-Policy"]
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]
