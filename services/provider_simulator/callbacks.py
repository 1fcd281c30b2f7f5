"""Sends the simulators' callbacks over HTTP."""

from collections.abc import Mapping

import httpx2
import structlog

from shared.provider_kit.simulator import CallbackAnswer

TIMEOUT_SECONDS = 15.0

log = structlog.get_logger()


def callback_client() -> httpx2.Client:
    """Follows no redirect and no proxy of the environment."""
    return httpx2.Client(timeout=httpx2.Timeout(TIMEOUT_SECONDS), follow_redirects=False, trust_env=False)


class HttpCallbackPost:
    """See ``CallbackPost``; logs the result, never the address (it may hold a token) or the signature."""

    def __init__(self, client: httpx2.Client) -> None:
        self._client = client

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> CallbackAnswer | None:
        event_id = headers.get("webhook-id", "")
        try:
            response = self._client.post(url, headers=dict(headers), content=body)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            log.info("callback.unanswered", event_id=event_id, reason=type(error).__name__)
            return None
        log.info("callback.answered", event_id=event_id, status=response.status_code)
        return CallbackAnswer(
            status=response.status_code,
            retry_after_seconds=whole_seconds(response.headers.get("retry-after", "")),
            body=response.content,
        )


def whole_seconds(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None
