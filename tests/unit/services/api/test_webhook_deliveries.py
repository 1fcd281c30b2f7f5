"""The log of deliveries over HTTP, and sending again."""

import threading
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.webhook_delivery.claims import Claims
from services.webhook_delivery.deliverer import Deliverer
from services.webhook_delivery.handlers import EventHandler
from services.webhook_delivery.record import DeliveryRules, Recorder
from services.webhook_delivery.trial import TrialHandler
from shared.contracts.messages.codec import decode
from shared.contracts.messages.commands import DeliverWebhooks, ProbeEndpoint
from shared.contracts.messages.events import PaymentChanged
from shared.domain.ids import EndpointId
from shared.egress.client import Answer, Failed
from tests.fakes.api import ApiOnFakes, pointers, problem
from tests.fakes.makers import OTHER_MERCHANT
from tests.fakes.webhooks import REFUSED, TAKEN

URL = "https://shop.example/webhooks"


class Shop:
    """A merchant with an endpoint, and the process that delivers to it."""

    def __init__(self) -> None:
        self.api = ApiOnFakes()
        self.answer: Answer | Failed = TAKEN
        self.posted = 0
        unit_of_work, clock = self.api.books.unit_of_work, self.api.clock
        recorder = Recorder(unit_of_work, clock, DeliveryRules(choose=max))
        claims = Claims(unit_of_work, clock)
        self._deliverer = Deliverer(claims, recorder, self._post, self.api.cipher, clock, threading.Event())
        self._events = EventHandler(unit_of_work, clock)
        self._heard = 0
        self.endpoint_id: str = self.api.post("/api/v1/webhook-endpoints", {"url": URL}).get_json()["id"]

    def pay(self, *, told: bool = True) -> None:
        assert self.api.pay().status_code == 202
        if told:
            self.deliver()

    def deliver(self) -> None:
        """Handle all messages that nobody has handled yet."""
        messages = self.api.books.handed_over
        while self._heard < len(messages):
            message = decode(messages[self._heard].body)
            self._heard += 1
            if isinstance(message, PaymentChanged):
                self._events(message)
            if isinstance(message, DeliverWebhooks):
                endpoint = self.api.books.database.committed.webhook_endpoints[message.endpoint_id]
                self._deliverer.work_off(endpoint.lane, EndpointId(endpoint.id))

    def lose_messages(self) -> None:
        self._heard = len(self.api.books.handed_over)

    def listed(self, query: str = "") -> list[dict[str, Any]]:
        page = self.api.get(f"/webhook-endpoints/{self.endpoint_id}/deliveries{query}").get_json()
        found: list[dict[str, Any]] = page["data"]
        return found

    def _post(self, *_given: object) -> Answer | Failed:
        self.posted += 1
        return self.answer


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_a_delivery_reads_with_every_attempt(shop: Shop) -> None:
    shop.answer = REFUSED
    shop.pay()
    (listed,) = shop.listed()

    read = shop.api.get(f"/webhook-deliveries/{listed['id']}").get_json()

    attempts = read.pop("attempts")
    assert read == listed
    assert (read["state"], read["event_type"], read["attempt_count"]) == ("waiting", "payment.initiated", 1)
    assert attempts == [
        {
            "number": 1,
            "kind": "schedule",
            "started_at": "2026-01-15T12:00:00.000Z",
            "milliseconds": 50,
            "status": 500,
            "response": "no",
            "reason": None,
            "detail": None,
        }
    ]


def test_the_list_is_narrowed_and_paged_newest_first(shop: Shop) -> None:
    shop.pay()
    shop.answer = REFUSED
    shop.pay()
    shop.pay()

    assert [each["state"] for each in shop.listed()] == ["waiting", "waiting", "delivered"]
    assert len(shop.listed("?state=delivered")) == 1
    assert shop.listed("?event_type=payment.failed") == []
    first = shop.api.get(f"/webhook-endpoints/{shop.endpoint_id}/deliveries?limit=2").get_json()
    rest = shop.listed(f"?limit=2&after={first['next_cursor']}")
    assert first["has_more"]
    assert [each["id"] for each in [*first["data"], *rest]] == [each["id"] for each in shop.listed()]


@pytest.mark.parametrize(("query", "pointer"), [("?after=x", "after"), ("?state=lost", "state"), ("?limit=0", "limit")])
def test_a_list_that_cannot_be_is_refused(shop: Shop, query: str, pointer: str) -> None:
    answer = shop.api.get(f"/webhook-endpoints/{shop.endpoint_id}/deliveries{query}")

    assert pointers(problem(answer, 422, "validation_failed")) == [pointer]


def test_what_was_delivered_is_sent_again_when_asked_for(shop: Shop) -> None:
    shop.pay()
    (delivered,) = shop.listed()

    answer = shop.api.post(f"/api/v1/webhook-deliveries/{delivered['id']}/resend", {})
    shop.deliver()

    assert (answer.status_code, answer.get_json()["state"]) == (202, "waiting")
    read = shop.api.get(f"/webhook-deliveries/{delivered['id']}").get_json()
    assert (read["state"], read["event_id"]) == ("delivered", delivered["event_id"])
    assert [each["kind"] for each in read["attempts"]] == ["schedule", "resend"]


def test_to_ask_twice_for_a_resend_sends_it_once(shop: Shop) -> None:
    shop.pay()
    (delivered,) = shop.listed()

    for _ in range(2):
        shop.api.post(f"/api/v1/webhook-deliveries/{delivered['id']}/resend", {})
    shop.deliver()

    assert shop.posted == 2


def test_nothing_is_sent_again_to_an_endpoint_that_is_off(shop: Shop) -> None:
    shop.pay()
    (delivered,) = shop.listed()
    shop.api.patch(f"/webhook-endpoints/{shop.endpoint_id}", {"is_active": False})

    resent = shop.api.post(f"/api/v1/webhook-deliveries/{delivered['id']}/resend", {})
    recovered = shop.api.post(
        f"/api/v1/webhook-endpoints/{shop.endpoint_id}/recover", {"since": "2026-01-15T11:00:00Z"}
    )

    problem(resent, 409, "webhook_endpoint_conflict")
    problem(recovered, 409, "webhook_endpoint_conflict")


def test_a_recovery_brings_what_was_missed_and_leaves_what_was_taken(shop: Shop) -> None:
    shop.pay()
    shop.pay(told=False)
    shop.lose_messages()

    answer = shop.api.post(f"/api/v1/webhook-endpoints/{shop.endpoint_id}/recover", {"since": "2026-01-15T11:00:00Z"})
    shop.deliver()

    assert (answer.status_code, answer.get_json()) == (202, {"recovered": 1, "has_more": False, "next_since": None})
    assert shop.posted == 2
    assert [each["state"] for each in shop.listed()] == ["delivered", "delivered"]


@pytest.mark.parametrize(
    "since", ["2025-12-16T11:59:59Z", "2026-01-15T12:00:01Z", "2026-01-15T10:00:00", "yesterday", 7.5]
)
def test_a_recovery_goes_back_thirty_days_at_most(shop: Shop, since: object) -> None:
    if since == 7.5:
        since = None
    answer = shop.api.post(f"/api/v1/webhook-endpoints/{shop.endpoint_id}/recover", {"since": since})

    assert pointers(problem(answer, 422, "validation_failed")) == ["/since"]


@pytest.mark.parametrize("path", ["", "/resend"])
def test_anothers_delivery_is_like_none(shop: Shop, path: str) -> None:
    shop.pay()
    (delivered,) = shop.listed()
    stranger = shop.api.bearer(merchant_id=OTHER_MERCHANT)
    url = f"/webhook-deliveries/{delivered['id']}{path}"

    if path:
        answer = shop.api.post(f"/api/v1{url}", {}, Authorization=stranger)
    else:
        answer = shop.api.get(url, Authorization=stranger)

    problem(answer, 404, "not_found")


class Client:
    """An endpoint that takes everything, whoever has signed it."""

    def __init__(self) -> None:
        self.slowly: list[float] = []

    def post(self, _url: str, _body: bytes, _headers: object, *, over_seconds: float = 0) -> Answer | Failed:
        self.slowly.append(over_seconds)
        return TAKEN


def test_a_test_says_what_the_endpoint_should_have_answered(shop: Shop) -> None:
    api, client = shop.api, Client()
    started = api.post(f"/api/v1/webhook-endpoints/{shop.endpoint_id}/test", {}).get_json()
    handler = TrialHandler(api.books.unit_of_work, client, api.cipher, api.clock)
    (message,) = [
        each for each in (decode(sent.body) for sent in api.books.handed_over) if isinstance(each, ProbeEndpoint)
    ]

    handler(message)
    handler(message)

    done = api.get(f"/webhook-endpoints/{shop.endpoint_id}/tests/{started['id']}").get_json()
    assert (started["finished_at"], started["passed"], done["passed"]) == (None, None, False)
    verdicts = {each["case"]: each["passed"] for each in done["cases"]}
    assert verdicts == {
        "good": True,
        "duplicate": True,
        "late": False,
        "out_of_order": True,
        "bad_signature": False,
        "previous_secret": True,
        "slow": True,
    }
    advice = {each["case"]: each["advice"] for each in done["cases"]}
    assert "verify before you parse" in advice["bad_signature"]
    assert advice["good"] is None
    assert len(client.slowly) == 8
    assert api.books.database.committed.webhook_deliveries == {}


def test_one_test_of_an_endpoint_at_a_time(shop: Shop) -> None:
    path = f"/api/v1/webhook-endpoints/{shop.endpoint_id}/test"
    assert shop.api.post(path, {}).status_code == 202

    problem(shop.api.post(path, {}), 409, "webhook_endpoint_conflict")

    shop.api.clock.advance(timedelta(minutes=5).total_seconds())
    assert shop.api.post(path, {}, Authorization=shop.api.bearer()).status_code == 202


def test_a_test_of_another_endpoint_is_like_none(shop: Shop) -> None:
    test_id = shop.api.post(f"/api/v1/webhook-endpoints/{shop.endpoint_id}/test", {}).get_json()["id"]
    other = shop.api.post("/api/v1/webhook-endpoints", {"url": f"{URL}/other"}).get_json()["id"]

    problem(shop.api.get(f"/webhook-endpoints/{other}/tests/{test_id}"), 404, "not_found")
    problem(shop.api.get(f"/webhook-endpoints/{shop.endpoint_id}/tests/{UUID(int=7)}"), 404, "not_found")
