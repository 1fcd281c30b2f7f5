"""Callbacks over HTTP: genuine ones are stored once with their message, everything else leaves no trace."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from werkzeug.test import TestResponse

from services.webhook_ingest.app import MAX_BODY_BYTES, build_app
from services.webhook_ingest.known_accounts import KnownAccounts, OpenAccount, Reading
from shared.contracts.messages.codec import decode
from shared.contracts.messages.events import ProviderEventReceived
from shared.domain.errors import WebhookRejected
from shared.provider_kit.provider import VerifiedWebhook, WebhookRequest
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.ingest import GENUINE, URL, Ingest
from tests.fakes.makers import ACCOUNT
from tests.fakes.provider import AnsweringProvider, ScriptedProvider

OWN = UUID(int=1)


@pytest.fixture
def ingest(tmp_path: Path) -> Ingest:
    return Ingest(tmp_path)


def _problem(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    assert (response.status_code, response.mimetype) == (status, "application/problem+json")
    body: dict[str, Any] = response.get_json(force=True)
    assert (body["status"], body["code"], body["request_id"]) == (status, code, response.headers["Request-Id"])
    return body


def test_a_genuine_callback_is_stored_and_acknowledged(ingest: Ingest) -> None:
    response = ingest.post()

    assert (response.status_code, response.get_json()) == (200, {"received": True, "verdict": "stored"})
    (event,) = ingest.books.database.committed.webhook_events.values()
    assert (event.provider, event.provider_event_id, event.event_type) == ("cpay", "evt-1", "payment.reported")
    assert (event.processed, event.created_at) == (False, NOON)


def test_a_genuine_callback_is_stored_together_with_its_message(ingest: Ingest) -> None:
    ingest.post()

    (event,) = ingest.books.database.committed.webhook_events.values()
    (message,) = ingest.books.handed_over
    decoded = decode(message.body)
    assert isinstance(decoded, ProviderEventReceived)
    assert (decoded.webhook_event_id, decoded.provider) == (event.id, "cpay")
    assert (message.exchange, message.routing_key) == ("gw.hook", "cpay.payment.reported")


def test_a_repeated_callback_is_acknowledged_and_acts_no_second_time(ingest: Ingest) -> None:
    ingest.post()
    once = ingest.stored

    for _ in range(3):
        assert ingest.post().get_json() == {"received": True, "verdict": "duplicate"}

    assert ingest.stored == once
    assert len(ingest.books.handed_over) == 1
    assert [event.repeats for event in ingest.events] == [3]


@pytest.mark.parametrize("signature", ["forged", "", None, "genuine\u00e4", "GENUINE"])
def test_a_forged_callback_is_refused_and_leaves_nothing(ingest: Ingest, signature: str | None) -> None:
    headers = {"Content-Type": "application/json"} | ({} if signature is None else {"Signature": signature})

    body = _problem(ingest.post(headers=headers), 401, "webhook_rejected")

    assert body["errors"][0]["pointer"] == "webhook-signature"
    assert (ingest.stored, ingest.books.handed_over) == (0, [])


def test_a_refused_callback_is_audited_with_who_brought_it(ingest: Ingest) -> None:
    headers = {"Content-Type": "application/json", "Signature": "forged", "User-Agent": "x/1", "Request-Id": "req-1"}

    ingest.post(b"canary", headers=headers)

    (entry,) = ingest.audited
    assert (entry.event_type, entry.ip_address, entry.user_agent) == ("webhook.refused", "127.0.0.1", "x/1")
    assert (entry.request_id, entry.timestamp, entry.event_data["provider"]) == ("req-1", NOON, "cpay")
    assert entry.event_data["reason"]
    assert "canary" not in str(entry)


def test_refused_callbacks_without_end_make_no_rows_without_end(ingest: Ingest) -> None:
    for _ in range(10):
        ingest.post(headers={"Content-Type": "application/json", "Signature": "forged"})

    assert len(ingest.audited) == 3


def test_a_genuine_callback_is_stored_with_who_brought_it(ingest: Ingest) -> None:
    ingest.post(headers=GENUINE | {"User-Agent": "cpay/1"})

    (event,) = ingest.books.database.committed.webhook_events.values()
    assert (event.ip_address, event.user_agent) == ("127.0.0.1", "cpay/1")
    assert ingest.audited == []


def test_a_refusal_does_not_say_what_was_wrong_with_the_signature(ingest: Ingest) -> None:
    body = _problem(ingest.post(headers=GENUINE | {"Signature": "canary"}), 401, "webhook_rejected")

    assert body["detail"] == "The callback is not genuine."
    assert "canary" not in str(body)


@pytest.mark.parametrize("name", ["unknown", "CPAY", "cpay%20", "..%2Fcpay", "cpay%00", "a" * 5000])
def test_a_provider_that_nobody_knows_is_not_found(ingest: Ingest, name: str) -> None:
    _problem(ingest.post(url=f"/api/v1/webhooks/{name}"), 404, "not_found")

    assert ingest.stored == 0


@pytest.mark.parametrize("url", ["/", "/api/v1/webhooks", "/api/v1/webhooks/", "/metrics", "/health"])
def test_there_is_nothing_else(ingest: Ingest, url: str) -> None:
    _problem(ingest.post(url=url), 404, "not_found")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_callbacks_are_only_posted(ingest: Ingest, method: str) -> None:
    response = ingest.client.open(URL, method=method)

    assert response.status_code == 405
    assert response.mimetype == "application/problem+json"


def test_a_body_may_be_as_large_as_256_kib_and_no_larger(ingest: Ingest) -> None:
    assert ingest.post(b"x" * MAX_BODY_BYTES).status_code == 200
    _problem(ingest.post(b"y" * (MAX_BODY_BYTES + 1)), 413, "body_too_large")

    assert len(ingest.books.database.committed.webhook_events) == 1


def test_a_body_that_says_to_be_too_large_is_not_read(ingest: Ingest) -> None:
    response = ingest.post(b"x", environ_overrides={"CONTENT_LENGTH": str(10**9)})

    _problem(response, 413, "body_too_large")


def test_a_chunked_body_is_refused(ingest: Ingest) -> None:
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": "", "wsgi.input_terminated": True}

    _problem(ingest.post(environ_overrides=chunked), 411, "length_required")

    assert ingest.stored == 0


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml"],
)
def test_only_json_is_taken(ingest: Ingest, content_type: str) -> None:
    _problem(ingest.post(headers=GENUINE | {"Content-Type": content_type}), 415, "unsupported_media_type")

    assert ingest.stored == 0


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_json_may_name_its_charset(ingest: Ingest, content_type: str) -> None:
    assert ingest.post(headers=GENUINE | {"Content-Type": content_type}).status_code == 200


def test_the_adapter_gets_the_bytes_as_they_came(ingest: Ingest) -> None:
    raw = b'{ "a" :1, "a": 2 }\r\n'

    ingest.post(raw)

    (event,) = ingest.books.database.committed.webhook_events.values()
    assert event.provider_event_id == raw.decode()


def test_with_neither_database_nor_disk_the_provider_is_told_to_send_it_again(tmp_path: Path) -> None:
    ingest = Ingest(tmp_path, max_bytes=10)
    ingest.books.database.is_away = True

    response = ingest.post()

    assert _problem(response, 503, "unavailable")["retryable"] is True
    assert response.headers["Retry-After"] == "5"
    ingest.books.database.is_away = False
    ingest.seconds += 2
    assert ingest.post().get_json()["verdict"] == "stored"


def test_where_nobody_knows_whose_signatures_are_good_the_provider_is_told_to_send_it_again(ingest: Ingest) -> None:
    unknown = KnownAccounts(lambda: Reading(NOON, {}), 60, FakeClock())
    client = build_app(ingest.a_receiver(unknown.find), ingest.clock).test_client()

    _problem(client.post(URL, data=b"evt-1", headers=GENUINE), 503, "unavailable")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, identity"])
def test_a_packed_body_is_not_unpacked(ingest: Ingest, encoding: str) -> None:
    _problem(ingest.post(headers=GENUINE | {"Content-Encoding": encoding}), 415, "unsupported_media_type")

    assert (ingest.stored, ingest.provider.webhooks) == (0, [])


def test_strangers_who_bring_nothing_genuine_are_slowed_down(ingest: Ingest) -> None:
    forged = [ingest.post(headers=GENUINE | {"Signature": "forged"}) for _ in range(40)]

    assert [each.status_code for each in forged] == [401] * 25 + [429] * 15
    assert _problem(forged[-1], 429, "rate_limited")["retryable"] is True
    assert forged[-1].headers["Retry-After"] == "1"


def test_an_address_that_has_brought_a_genuine_callback_is_never_slowed_down(ingest: Ingest) -> None:
    ingest.post(b"evt-0")
    for _ in range(100):
        assert ingest.post(headers=GENUINE | {"Signature": "forged"}).status_code == 401

    assert ingest.verdict() == "stored"


def test_callbacks_from_where_their_provider_is_not_are_refused_unread(tmp_path: Path) -> None:
    ingest = Ingest(tmp_path, sources="cpay=192.0.2.0/24")

    _problem(ingest.post(), 401, "webhook_rejected")

    assert ingest.provider.webhooks == []
    at_home = {"REMOTE_ADDR": "192.0.2.9"}
    assert ingest.post(environ_overrides=at_home).get_json()["verdict"] == "stored"


def test_an_adapter_that_fails_is_our_fault_and_shows_nothing(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_request: object) -> None:
        raise KeyError("canary")

    monkeypatch.setattr(ingest.provider, "verify_webhook", fail)
    body = _problem(ingest.post(), 500, "internal_error")

    assert "canary" not in str(body)
    assert ingest.stored == 0


@pytest.mark.parametrize(("offered", "is_kept"), [("req-1", True), ("bad id", False), ("", False), ("x" * 129, False)])
def test_a_harmless_request_id_is_echoed_and_another_replaced(ingest: Ingest, offered: str, is_kept: bool) -> None:
    answered = ingest.post(headers=GENUINE | {"Request-Id": offered}).headers["Request-Id"]

    assert (answered == offered) is is_kept
    assert answered


@pytest.mark.parametrize("headers", [GENUINE, {}], ids=["accepted", "refused"])
def test_every_answer_is_kept_by_nobody_and_taken_for_what_it_says(ingest: Ingest, headers: dict[str, str]) -> None:
    response = ingest.post(headers=headers)

    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_a_callback_may_come_to_a_neutral_address_with_more_behind_it(ingest: Ingest) -> None:
    response = ingest.post(url="/api/v1/webhooks/neutral/stk/017-secret")

    assert response.get_json()["verdict"] == "stored"
    (event,) = ingest.books.database.committed.webhook_events.values()
    assert event.provider == "cpay"
    assert ingest.provider.webhooks[-1].path == "stk/017-secret"
    assert ingest.provider.webhooks[-1].sender == "127.0.0.1"


def test_a_provider_that_reads_its_answer_gets_its_own(tmp_path: Path) -> None:
    ingest = Ingest(tmp_path, AnsweringProvider({"ResultCode": 0}))

    assert ingest.post().get_json() == {"ResultCode": 0}
    assert len(ingest.books.database.committed.webhook_events) == 1


@pytest.mark.parametrize("away", [False, True])
def test_a_question_is_answered_without_the_database_and_nothing_is_stored(tmp_path: Path, away: bool) -> None:
    ingest = Ingest(tmp_path, AnsweringProvider({"ResultCode": "C2B00012"}, asks=True))
    ingest.books.database.is_away = away

    assert ingest.post().get_json() == {"ResultCode": "C2B00012"}
    assert (ingest.stored, ingest.files) == (0, [])


class Believing(ScriptedProvider):
    """An account that believes what is signed with its own name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def verify_webhook(self, request: WebhookRequest) -> VerifiedWebhook:
        if request.headers.get("signature") != self.name:
            raise WebhookRejected(f"not {self.name}")
        return super().verify_webhook(replace(request, headers={"signature": "genuine"}))


def _with_accounts(folder: Path) -> Ingest:
    ingest = Ingest(folder)
    ingest.accounts.clear()
    ingest.accounts.extend([OpenAccount(ACCOUNT, Believing("default")), OpenAccount(OWN, Believing("own"))])
    return ingest


@pytest.mark.parametrize(("signature", "account"), [("default", ACCOUNT), ("own", OWN)])
def test_a_callback_is_stored_with_the_account_that_believes_it(tmp_path: Path, signature: str, account: UUID) -> None:
    ingest = _with_accounts(tmp_path)

    assert ingest.post(headers=GENUINE | {"Signature": signature}).status_code == 200

    (event,) = ingest.books.database.committed.webhook_events.values()
    assert event.provider_config_id == account


def test_what_no_account_believes_is_refused_with_the_first_ones_reason(tmp_path: Path) -> None:
    ingest = _with_accounts(tmp_path)

    _problem(ingest.post(headers=GENUINE | {"Signature": "forged"}), 401, "webhook_rejected")

    assert [entry.event_data["reason"] for entry in ingest.audited] == ["not default"]


def test_nobody_keeps_another_accounts_callback_out_by_sending_its_id_first(tmp_path: Path) -> None:
    ingest = _with_accounts(tmp_path)

    for signature in ("own", "default", "default"):
        ingest.post(headers=GENUINE | {"Signature": signature})

    events = ingest.books.database.committed.webhook_events.values()
    assert [event.provider_config_id for event in events] == [OWN, ACCOUNT]
