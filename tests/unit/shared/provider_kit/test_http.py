"""How a provider is called, and what is read from an answer before anybody asks what it means."""

from collections.abc import Mapping

import httpx2
import pytest

from shared.domain.outcome import InDoubt, NotSent
from shared.provider_kit.http import (
    Answered,
    ProviderResponse,
    answer_to_question,
    call,
    path_of,
    retry_after_seconds,
    without_secrets,
)

ANSWER = ProviderResponse(status=200, headers={"a": "b"}, body=b"my s3cret, twice: s3cret")
URL = "http://provider.test/payments"


def answered_with(answer: httpx2.Response | Exception) -> Answered:
    def play(request: httpx2.Request) -> httpx2.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    with httpx2.Client(transport=httpx2.MockTransport(play)) as client:
        return call(client, "POST", URL, headers={}, json={})


@pytest.mark.parametrize("error", [httpx2.ConnectError("no"), httpx2.ConnectTimeout("no"), httpx2.PoolTimeout("no")])
def test_what_never_left_is_not_sent(error: Exception) -> None:
    assert answered_with(error) == NotSent(reason=type(error).__name__)


@pytest.mark.parametrize("error", [httpx2.ReadTimeout("no"), httpx2.WriteTimeout("no"), httpx2.ReadError("no")])
def test_what_may_have_arrived_is_in_doubt(error: Exception) -> None:
    assert answered_with(error) == InDoubt(reason=type(error).__name__)


@pytest.mark.parametrize("status", [200, 302, 404, 500])
def test_every_whole_answer_is_the_adapters_to_judge(status: int) -> None:
    answer = answered_with(httpx2.Response(status, content=b"{}"))

    assert isinstance(answer, ProviderResponse)
    assert (answer.status, answer.body) == (status, b"{}")


def test_a_question_that_did_not_get_out_proves_nothing() -> None:
    assert answer_to_question(NotSent(reason="ConnectError")) == InDoubt(reason="ConnectError")
    assert answer_to_question(ANSWER) is ANSWER


def test_an_answer_loses_every_secret_of_ours_that_it_repeats() -> None:
    told = without_secrets(ANSWER, ["s3cret", ""])

    assert told == ProviderResponse(status=200, headers={"a": "b"}, body=b"my [redacted], twice: [redacted]")


def test_what_is_no_answer_holds_no_secret() -> None:
    silence = InDoubt(reason="ReadTimeout")

    assert without_secrets(silence, ["ReadTimeout"]) is silence


@pytest.mark.parametrize(
    ("wish", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        ("999999999", 86_400),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("²", None),
        ("9" * 5000, None),
    ],
)
def test_a_wish_to_wait_is_whole_seconds_and_at_most_a_day(wish: str, seconds: int | None) -> None:
    assert retry_after_seconds({"retry-after": wish}) == seconds


@pytest.mark.parametrize("headers", [{}, {"date": "today"}])
def test_without_a_wish_there_is_none(headers: Mapping[str, str]) -> None:
    assert retry_after_seconds(headers) is None


@pytest.mark.parametrize(
    ("segments", "path"),
    [
        (("payments", "pay_1"), "/payments/pay_1"),
        (("payments", "../admin", "refunds"), "/payments/..%2Fadmin/refunds"),
        (("payments", "a?b#c"), "/payments/a%3Fb%23c"),
    ],
)
def test_no_reference_leads_to_another_path(segments: tuple[str, ...], path: str) -> None:
    assert path_of(*segments) == path
