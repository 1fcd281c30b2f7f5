"""The access token that all share, and what must never be seen in an answer."""

import base64

import httpx2
import pytest

from shared.domain.outcome import InDoubt, NotSent, Outcome, Pending
from shared.provider_kit.plugin import ProviderTools
from shared.provider_kit.tokens import LocalTokens
from shared.providers.mpesa.adapter import Mpesa
from shared.providers.mpesa.config import MpesaConfig
from shared.providers.mpesa.tests.scripted import PAYMENT, QUERY, Answer, Script, error, fixture, reply, settings

ACCEPTED = reply(fixture("stk_push_ack"))
INVALID_TOKEN = [
    error(404, "404.001.03", "Invalid Access Token"),
    error(400, "400.003.01", "Invalid Access Token"),
    error(401, "401.002.01", "Error Occurred - Invalid Access Token - token-1"),
    error(401, "401.003.01", "Error Occurred - Invalid Access Token - token-1"),
    error(404, "404.001.04", "Invalid Authentication Header"),
    error(200, "404.001.03", "Invalid Access Token"),
    reply(b"", 401),
    reply(
        {"fault": {"faultstring": "Invalid access token", "detail": {"errorcode": "oauth.v2.InvalidAccessToken"}}}, 401
    ),
]


def pay(script: Script) -> Outcome:
    return script.adapter.initialize_payment(PAYMENT)


@pytest.mark.parametrize("sample", ["oauth_response_number", "oauth_response_string"])
def test_a_token_is_asked_for_once_in_either_form_and_used_for_all_calls(sample: str) -> None:
    requests: list[httpx2.Request] = []
    script = Script(ACCEPTED, oauth=lambda _number: reply(fixture(sample)))

    pay(script)
    pay(script)

    requests = script.posts
    assert script.tokens == 1
    assert {request.headers["authorization"] for request in requests} == {"Bearer c9SQxWWhmdVRlyh0zh8gZDTkubVF"}
    assert {request.headers["content-type"] for request in requests} == {"application/json"}


def test_the_token_is_asked_for_with_the_consumer_key_and_secret() -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(500)

    script = Script()
    client = httpx2.Client(transport=httpx2.MockTransport(answer))
    tools = ProviderTools(client=client, clock=script.clock, tokens=LocalTokens(script.clock))
    Mpesa(MpesaConfig.model_validate(settings()), tools).initialize_payment(PAYMENT)

    assert seen[0].method == "GET"
    assert str(seen[0].url) == "http://mpesa.test/oauth/v1/generate?grant_type=client_credentials"
    given = base64.b64decode(seen[0].headers["authorization"].removeprefix("Basic ")).decode()
    assert given == "consumer-key:consumer-secret"


@pytest.mark.parametrize("refusal", INVALID_TOKEN, ids=lambda answer: f"{answer.status_code} {answer.text[:60]}")
def test_a_refused_token_is_renewed_once_and_the_same_request_replayed(refusal: httpx2.Response) -> None:
    script = Script(refusal, ACCEPTED)

    outcome = pay(script)

    assert isinstance(outcome, Pending)
    assert script.tokens == 2
    assert script.posts[0].content == script.posts[1].content
    assert script.posts[1].headers["authorization"] == "Bearer token-2"


def test_a_token_that_is_refused_twice_is_not_tried_a_third_time() -> None:
    script = Script(error(404, "404.001.03", "Invalid Access Token"))

    outcome = pay(script)

    assert isinstance(outcome, NotSent)
    assert outcome.reason.startswith("misconfigured")
    assert (len(script.posts), script.tokens) == (2, 2)


def test_a_token_that_another_worker_has_renewed_is_taken_without_asking_for_one() -> None:
    first = Script(error(404, "404.001.03", "Invalid Access Token"), ACCEPTED)
    held = first.tools.tokens.token
    first.adapter.check_credentials()

    def renewed_meanwhile(request: httpx2.Request) -> httpx2.Response:
        assert request.method == "POST"
        if request.headers["authorization"] == "Bearer token-1":
            held(name_of(first), lambda: pytest.fail("is shared"))
        return httpx2.Response(200, json=fixture("stk_push_ack"))

    tools = ProviderTools(
        client=httpx2.Client(transport=httpx2.MockTransport(renewed_meanwhile)),
        clock=first.clock,
        tokens=first.tools.tokens,
    )
    outcome = Mpesa(first.config, tools).initialize_payment(PAYMENT)

    assert isinstance(outcome, Pending)


def name_of(script: Script) -> str:
    (name,) = script.tools.tokens._held  # type: ignore[attr-defined] # noqa: SLF001 - looked into
    return str(name)


@pytest.mark.parametrize(
    ("oauth", "reason"),
    [
        (reply(b"", 400), "misconfigured: no access token: http 400"),
        (error(400, "400.008.02", "Invalid grant type passed"), "misconfigured: no access token: http 400"),
        (reply(b"", 401), "misconfigured: no access token: http 401"),
        (reply(b"<html>", 503), "no access token: http 503"),
        (reply(b"<html>", 200), "no access token: http 200"),
        (reply({"expires_in": 3599}), "no access token: http 200"),
        (httpx2.ReadTimeout("slow"), "no access token: ReadTimeout"),
        (httpx2.ConnectError("refused"), "no access token: ConnectError"),
    ],
    ids=str,
)
def test_without_a_token_nothing_is_sent(oauth: Answer, reason: str) -> None:
    script = Script(ACCEPTED, oauth=lambda _number: oauth)

    outcome = pay(script)

    assert outcome == NotSent(reason=reason)
    assert script.posts == []


def test_a_query_that_has_no_token_proves_nothing() -> None:
    script = Script(oauth=lambda _number: reply(b"", 400))

    assert isinstance(script.adapter.verify_payment(QUERY), InDoubt)


@pytest.mark.parametrize(
    ("silence", "kind"),
    [
        (httpx2.ConnectError("refused"), NotSent),
        (httpx2.ConnectTimeout("slow"), NotSent),
        (httpx2.PoolTimeout("busy"), NotSent),
        (httpx2.ReadTimeout("slow"), InDoubt),
        (httpx2.ReadError("reset"), InDoubt),
        (httpx2.WriteError("reset"), InDoubt),
        (httpx2.RemoteProtocolError("cut off"), InDoubt),
    ],
    ids=repr,
)
def test_a_silence_is_not_sent_only_where_nothing_has_left(silence: Exception, kind: type[Outcome]) -> None:
    assert isinstance(pay(Script(silence)), kind)
    assert isinstance(Script(silence).adapter.verify_payment(QUERY), InDoubt)


def test_neither_the_token_nor_a_secret_is_repeated_in_an_outcome() -> None:
    leak = "token-1 consumer-secret bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919 +254708374149"
    for answer in (error(500, "500.001.1001", leak), error(400, "400.002.02", leak), error(500, "500.003.02", leak)):
        told = repr(pay(Script(answer)))

        assert not [word for word in leak.split() if word in told]
        assert "708374149" not in told


def test_credentials_are_asked_about_even_while_a_token_is_held() -> None:
    good, wrong = (
        Script(ACCEPTED),
        Script(oauth=lambda number: reply(b"", 400) if number > 1 else reply(fixture("oauth_response_number"))),
    )
    away = Script(oauth=lambda _number: httpx2.ConnectError("refused"))
    pay(good)
    pay(wrong)

    assert good.adapter.check_credentials().accepted is True
    assert good.tokens == 2
    assert wrong.adapter.check_credentials().accepted is False
    assert away.adapter.check_credentials().accepted is None
