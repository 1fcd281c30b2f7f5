"""A JSON API with a bearer key: what is sent, and what becomes of the answer."""

import json

import httpx2
import pytest
from pydantic import SecretStr

from shared.domain.outcome import InDoubt, NotSent
from shared.provider_kit.bearer_api import BearerApi
from shared.provider_kit.http import ProviderResponse
from shared.provider_kit.plugin import ProviderConfig

CONFIG = ProviderConfig(
    base_url="http://provider.test/v1", api_key=SecretStr("the-key"), webhook_secrets=(SecretStr("the-secret"),)
)


class Playing:
    """A provider that answers with ``body``, or not at all; keeps what it was asked."""

    def __init__(self, body: bytes = b"{}", error: Exception | None = None) -> None:
        self.requests: list[httpx2.Request] = []
        self._body = body
        self._error = error
        self.api = BearerApi(CONFIG, httpx2.Client(transport=httpx2.MockTransport(self._answer)))

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        if self._error is not None:
            raise self._error
        return httpx2.Response(200, content=self._body)


def test_a_post_brings_the_key_the_body_and_the_idempotency_key() -> None:
    playing = Playing()

    playing.api.post("/payments", {"amount": 5}, "key-1")

    (request,) = playing.requests
    assert str(request.url) == "http://provider.test/v1/payments"
    assert request.headers["authorization"] == "Bearer the-key"
    assert request.headers["idempotency-key"] == "key-1"
    assert json.loads(request.content) == {"amount": 5}


def test_a_provider_without_idempotency_keys_is_sent_none() -> None:
    playing = Playing()

    playing.api.post("/payments", {})

    assert "idempotency-key" not in playing.requests[0].headers


@pytest.mark.parametrize("secret", ["the-key", "the-secret"])
def test_no_answer_holds_a_secret_of_the_configuration(secret: str) -> None:
    playing = Playing(body=f"no such key: {secret}".encode())

    for answer in (playing.api.get("/payments"), playing.api.post("/payments", {})):
        assert isinstance(answer, ProviderResponse)
        assert answer.body == b"no such key: [redacted]"


def test_a_post_that_did_not_get_out_is_not_sent_and_a_question_in_doubt() -> None:
    api = Playing(error=httpx2.ConnectError("refused")).api

    assert api.post("/payments", {}) == NotSent(reason="ConnectError")
    assert api.get("/payments") == InDoubt(reason="ConnectError")
