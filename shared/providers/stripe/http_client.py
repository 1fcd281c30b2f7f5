"""What Stripe's SDK calls Stripe with: our HTTP client, which sends once and says what surely did not arrive."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import httpx2
import stripe

from shared.provider_kit.http import NOTHING_LEFT

# A notice of Stripe's to developers, which the SDK turns into a Python warning.
UNWANTED_HEADERS = frozenset({"stripe-notice"})
REDACTED = "[redacted]"


class CallFailed(stripe.APIConnectionError):
    """No answer; ``reason`` is the name of what happened on the network."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)  # type: ignore[no-untyped-call]  # the SDK leaves this one untyped
        self.reason = reason


class NothingLeft(CallFailed):
    """Not a byte of the request has left: Stripe cannot have acted on it."""


class AnswerLost(CallFailed):
    """The request has left, and its answer has not come: Stripe may have acted on it."""


class AnswerUnreadable(stripe.APIError):
    """An answer that is not in Stripe's own format; ``http_status`` is all that it says."""


class OneTryClient(stripe.HTTPClient):
    """``client`` stays the caller's, with its time-outs and connections. Nothing is repeated, nothing is measured.

    ``secrets`` are taken out of every answer: some error messages repeat the key.
    """

    name: ClassVar[str] = "httpx2"

    def __init__(self, client: httpx2.Client, secrets: Sequence[str]) -> None:
        super().__init__()
        self._client = client
        self._secrets = tuple(secrets)

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        """The body, status and headers of an answer in Stripe's format.

        Raises:
            NothingLeft: surely not executed.
            AnswerLost: no answer.
            AnswerUnreadable: an answer, but HTML, empty, cut off, or JSON of another shape.
        """
        response = self._sent(method, url, headers, post_data)
        told = httpx2.Headers([(n, v) for n, v in response.headers.multi_items() if n not in UNWANTED_HEADERS])
        return self._text(response, told), response.status_code, told

    def close(self) -> None:
        """Nothing: the connections are the caller's."""

    def _sent(self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any) -> httpx2.Response:
        try:
            return self._client.request(method, url, headers=dict(headers or {}), content=post_data)
        except NOTHING_LEFT as error:
            raise NothingLeft(type(error).__name__) from None
        except httpx2.HTTPError as error:
            raise AnswerLost(type(error).__name__) from None

    def _text(self, response: httpx2.Response, headers: Mapping[str, str]) -> str:
        # The SDK fails in many ways on what is not its format, so it gets to see nothing else.
        try:
            text = response.content.decode("utf-8")
            body = json.loads(text)
        except (ValueError, RecursionError):
            body = None
        is_error = not 200 <= response.status_code < 300
        if not isinstance(body, dict) or (is_error and not isinstance(body.get("error"), dict)):
            raise AnswerUnreadable("unreadable", http_status=response.status_code, headers=dict(headers))
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        return text
