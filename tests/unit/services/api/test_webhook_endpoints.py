"""Webhook endpoints over HTTP: made once, secrets shown once, nobody else's, and only where we may send."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.api.use_cases.webhook_endpoints import MOST_ENDPOINTS
from shared.application.webhook_secrets import MOST_SECRETS
from shared.domain.ids import DeliveryId, EndpointId, EventId
from shared.domain.webhook_delivery import Delivery, DeliveryState
from shared.domain.webhook_endpoint import WebhookEndpoint
from shared.runtime.identifiers import new_id
from tests.fakes.api import ApiOnFakes, pointers, problem
from tests.fakes.clock import NOON
from tests.fakes.makers import MERCHANT, OTHER_MERCHANT

ENDPOINTS = "/api/v1/webhook-endpoints"
GOOD = {"url": "https://shop.example/webhooks", "description": "Shop", "event_types": ["payment.*", "refund.failed"]}


@pytest.fixture
def api() -> ApiOnFakes:
    return ApiOnFakes()


def _made(api: ApiOnFakes, **changes: Any) -> dict[str, Any]:
    answer = api.post(ENDPOINTS, GOOD | changes)
    assert answer.status_code == 201, answer.data
    made: dict[str, Any] = answer.get_json()
    return made


def _stored(api: ApiOnFakes, endpoint_id: str) -> WebhookEndpoint:
    return api.books.database.committed.webhook_endpoints[UUID(endpoint_id)]


def test_an_endpoint_reads_as_it_was_made_and_its_secret_is_told_once(api: ApiOnFakes) -> None:
    made = _made(api)

    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert made == api.get(f"/webhook-endpoints/{made['id']}").get_json()
    assert made == {
        "id": made["id"],
        **GOOD,
        "is_active": True,
        "failing_since": None,
        "disabled_at": None,
        "disabled_reason": None,
        "previous_secrets_until": [],
        "created_at": "2026-01-15T12:00:00.000Z",
        "updated_at": "2026-01-15T12:00:00.000Z",
    }
    assert [each["id"] for each in api.get("/webhook-endpoints").get_json()["data"]] == [made["id"]]


def test_a_secret_is_stored_encrypted_and_audited_nowhere(api: ApiOnFakes) -> None:
    made = _made(api)
    rotated = api.post(f"{ENDPOINTS}/{made['id']}/rotate-secret", {}).get_json()

    committed = api.books.database.committed
    everything = repr(committed.webhook_endpoints) + repr(committed.audit_log) + repr(api.audited)
    assert made["secret"] not in everything
    assert rotated["secret"] not in everything
    opened = [api.cipher.decrypt(each.ciphertext) for each in _stored(api, made["id"]).secrets]
    assert opened == [rotated["secret"], made["secret"]]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"url": "http://shop.example/webhooks"}, "/url"),
        ({"url": "https://127.0.0.1/webhooks"}, "/url"),
        ({"url": "https://[::1]/webhooks"}, "/url"),
        ({"url": "https://localhost/webhooks"}, "/url"),
        ({"url": "https://shop.example:22/webhooks"}, "/url"),
        ({"url": "https://user:password@shop.example/"}, "/url"),
        ({"url": "ftp://shop.example/"}, "/url"),
        ({"url": ""}, "/url"),
        ({"url": "https://shop.example/\x00"}, "/url"),
        ({"url": 7}, "/url"),
        ({"event_types": ["payment.complete"]}, "/event_types/0"),
        ({"event_types": ["*"]}, "/event_types/0"),
        ({"event_types": ["payments.*"]}, "/event_types/0"),
        ({"event_types": "payment.*"}, "/event_types"),
        ({"event_types": ["webhook_endpoint.test"]}, "/event_types/0"),
        ({"description": "x" * 201}, "/description"),
        ({"is_active": True}, "/is_active"),
    ],
)
def test_what_is_not_acceptable_is_named(api: ApiOnFakes, change: dict[str, object], pointer: str) -> None:
    body = problem(api.post(ENDPOINTS, GOOD | change), 422, "validation_failed")

    assert pointers(body) == [pointer]
    assert api.get("/webhook-endpoints").get_json()["data"] == []


def test_an_address_has_one_endpoint_whoever_repeats_it(api: ApiOnFakes) -> None:
    _made(api)

    problem(api.post(ENDPOINTS, GOOD), 409, "webhook_endpoint_conflict")

    assert api.post(ENDPOINTS, GOOD, Authorization=api.bearer(merchant_id=OTHER_MERCHANT)).status_code == 201


def test_nobody_has_endpoints_without_end(api: ApiOnFakes) -> None:
    for number in range(MOST_ENDPOINTS):
        _made(api, url=f"https://shop.example/{number}")

    problem(api.post(ENDPOINTS, GOOD), 409, "webhook_endpoint_conflict")


def test_a_change_changes_what_it_names(api: ApiOnFakes) -> None:
    made = _made(api)

    changed = api.patch(f"/webhook-endpoints/{made['id']}", {"event_types": []}).get_json()

    assert changed["event_types"] == []
    assert (changed["url"], changed["description"]) == (made["url"], made["description"])


def test_an_endpoint_moves_only_to_where_we_may_send_and_no_other_is(api: ApiOnFakes) -> None:
    made, other = _made(api), _made(api, url="https://shop.example/other")

    refused = problem(
        api.patch(f"/webhook-endpoints/{made['id']}", {"url": "https://10.0.0.1/"}), 422, "validation_failed"
    )
    problem(api.patch(f"/webhook-endpoints/{made['id']}", {"url": other["url"]}), 409, "webhook_endpoint_conflict")

    assert pointers(refused) == ["/url"]
    assert _stored(api, made["id"]).url == GOOD["url"]


def test_an_endpoint_is_switched_off_and_on_with_a_clean_sheet(api: ApiOnFakes) -> None:
    made = _made(api)

    off = api.patch(f"/webhook-endpoints/{made['id']}", {"is_active": False}).get_json()
    api.clock.advance(60)
    on = api.patch(f"/webhook-endpoints/{made['id']}", {"is_active": True}).get_json()

    assert (off["is_active"], off["disabled_reason"]) == (False, "merchant")
    assert (on["is_active"], on["disabled_reason"], on["disabled_at"]) == (True, None, None)
    assert _stored(api, made["id"]).listens_since == api.clock.now()


def test_what_waits_for_a_deleted_endpoint_waits_no_more(api: ApiOnFakes) -> None:
    made = _made(api)
    delivery = Delivery(
        id=DeliveryId(new_id()),
        endpoint_id=EndpointId(UUID(made["id"])),
        merchant_id=MERCHANT,
        event_id=EventId(new_id()),
        event_type="payment.completed",
        next_try_at=NOON,
        created_at=NOON,
        updated_at=NOON,
    )
    with api.books.unit_of_work() as work:
        work.webhook_deliveries.add_all([delivery])
        work.commit()

    api.delete(f"/webhook-endpoints/{made['id']}")

    assert api.books.database.committed.webhook_deliveries[delivery.id].state is DeliveryState.FAILED


def test_a_deleted_endpoint_is_gone_and_its_address_free(api: ApiOnFakes) -> None:
    made = _made(api)

    assert api.delete(f"/webhook-endpoints/{made['id']}").status_code == 204

    problem(api.get(f"/webhook-endpoints/{made['id']}"), 404, "not_found")
    assert api.get("/webhook-endpoints").get_json()["data"] == []
    _made(api)


def test_a_rotation_whose_answer_was_lost_can_be_repeated_without_ending_the_secret_in_use(api: ApiOnFakes) -> None:
    made = _made(api)

    api.post(f"{ENDPOINTS}/{made['id']}/rotate-secret", {})
    again = api.post(f"{ENDPOINTS}/{made['id']}/rotate-secret", {"overlap_hours": 48}).get_json()

    opened = [api.cipher.decrypt(each.ciphertext) for each in _stored(api, made["id"]).secrets]
    assert (opened[0], opened[-1]) == (again["secret"], made["secret"])
    # The first rotation's end stands: 24 hours, not 48.
    assert again["previous_secrets_until"] == ["2026-01-17T12:00:00.000Z", "2026-01-16T12:00:00.000Z"]


def test_without_an_overlap_the_old_secret_ends_at_once(api: ApiOnFakes) -> None:
    made = _made(api)

    api.post(f"{ENDPOINTS}/{made['id']}/rotate-secret", {"overlap_hours": 0})

    assert len(_stored(api, made["id"]).valid_secrets(api.clock.now())) == 1


def test_not_more_secrets_sign_than_a_header_should_hold(api: ApiOnFakes) -> None:
    made = _made(api)
    for _ in range(MOST_SECRETS - 1):
        assert api.post(f"{ENDPOINTS}/{made['id']}/rotate-secret", {}).status_code == 200

    problem(api.post(f"{ENDPOINTS}/{made['id']}/rotate-secret", {}), 409, "webhook_endpoint_conflict")

    api.clock.advance(timedelta(hours=24).total_seconds())
    assert api.post(f"{ENDPOINTS}/{made['id']}/rotate-secret", {}, Authorization=api.bearer()).status_code == 200


@pytest.mark.parametrize("hours", [-1, 169, 1.5, "24", None])
def test_an_overlap_is_whole_hours_up_to_a_week(api: ApiOnFakes, hours: object) -> None:
    made = _made(api)

    body = problem(
        api.post(f"{ENDPOINTS}/{made['id']}/rotate-secret", {"overlap_hours": hours}), 422, "validation_failed"
    )

    assert pointers(body) == ["/overlap_hours"]


CALLS = [
    ("GET", "", None),
    ("PATCH", "", {"description": "mine"}),
    ("DELETE", "", None),
    ("POST", "/rotate-secret", {}),
    ("GET", "/deliveries", None),
    ("POST", "/recover", {"since": "2026-01-15T10:00:00Z"}),
    ("POST", "/test", {}),
]


def _call(api: ApiOnFakes, method: str, url: str, body: object, **headers: str | None) -> Any:
    raw = None if body is None else json.dumps(body).encode()
    return api.client.open(url, method=method, data=raw, headers=api.headers(Idempotency_Key=None, **headers))


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_anothers_endpoint_is_like_none(api: ApiOnFakes, method: str, path: str, body: object) -> None:
    made = _made(api)
    stranger = api.bearer(merchant_id=OTHER_MERCHANT)

    theirs = problem(
        _call(api, method, f"{ENDPOINTS}/{made['id']}{path}", body, Authorization=stranger), 404, "not_found"
    )
    none = problem(_call(api, method, f"{ENDPOINTS}/{uuid4()}{path}", body, Authorization=stranger), 404, "not_found")
    nonsense = problem(
        _call(api, method, f"{ENDPOINTS}/nonsense{path}", body, Authorization=stranger), 404, "not_found"
    )

    for each in (theirs, none, nonsense):
        each.pop("request_id")
    assert theirs == none == nonsense


@pytest.mark.parametrize(("method", "path", "body"), [*CALLS, ("POST", "@", GOOD)])
@pytest.mark.parametrize("role", ["viewer", "operator", "developer", "merchant_admin", "platform_admin"])
def test_who_only_sees_changes_nothing(api: ApiOnFakes, method: str, path: str, body: object, role: str) -> None:
    made = _made(api, url="https://shop.example/first")
    url = ENDPOINTS if path == "@" else f"{ENDPOINTS}/{made['id']}{path}"

    answer = _call(api, method, url, body, Authorization=api.bearer(role))

    is_refused = method != "GET" and role in {"viewer", "operator"}
    assert (answer.status_code == 403) == is_refused
