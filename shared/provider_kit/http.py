"""Calls a provider over HTTP, and tells what surely did not arrive from what may have."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote

import httpx2

from shared.domain.outcome import InDoubt, NotSent

# Raised before the first byte of a request has left: the provider cannot have acted on it.
NOTHING_LEFT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)

MAX_RETRY_AFTER_SECONDS = 86_400
MAX_RETRY_AFTER_DIGITS = 9
REDACTED = b"[redacted]"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderResponse:
    """An answer that arrived whole; what it means is the adapter's to say."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Answered = ProviderResponse | NotSent | InDoubt


def call(
    client: httpx2.Client,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    json: Mapping[str, object] | None = None,
) -> Answered:
    """Send one request, once. ``NotSent`` if it surely never arrived, ``InDoubt`` if it may have."""
    try:
        response = client.request(method, url, headers=dict(headers), json=json)
    except NOTHING_LEFT as error:
        return NotSent(reason=type(error).__name__)
    except httpx2.HTTPError as error:
        return InDoubt(reason=type(error).__name__)
    return ProviderResponse(status=response.status_code, headers=response.headers, body=response.content)


def answer_to_question(answer: Answered) -> ProviderResponse | InDoubt:
    """A query's ``NotSent`` is proof that there is nothing; a query that did not get out proves nothing."""
    return InDoubt(reason=answer.reason) if isinstance(answer, NotSent) else answer


def without_secrets(answer: Answered, secrets: Iterable[str]) -> Answered:
    """An answer that repeats a secret of ours, as some error messages do, loses it here."""
    if not isinstance(answer, ProviderResponse):
        return answer
    body = answer.body
    for secret in filter(None, secrets):
        body = body.replace(secret.encode(), REDACTED)
    return replace(answer, body=body)


def retry_after_seconds(headers: Mapping[str, str]) -> int | None:
    """Whole seconds, at most a day; ``None`` for anything else, such as a date. Header names in lower case."""
    wish = headers.get("retry-after", "")
    if not (wish.isascii() and wish.isdigit() and len(wish) <= MAX_RETRY_AFTER_DIGITS):
        return None
    return min(int(wish), MAX_RETRY_AFTER_SECONDS)


def path_of(*segments: str) -> str:
    """Each segment quoted: no reference leads to another path."""
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)
