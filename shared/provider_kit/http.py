"""Calls a provider over HTTP, and tells what surely did not arrive from what may have."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx2

from shared.domain.outcome import InDoubt, NotSent

# Raised before the first byte of a request has left: the provider cannot have acted on it.
NOTHING_LEFT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderResponse:
    """An answer that arrived whole; what it means is the adapter's to say."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def call(
    client: httpx2.Client,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    json: Mapping[str, object] | None = None,
) -> ProviderResponse | NotSent | InDoubt:
    """Send one request, once. ``NotSent`` if it surely never arrived, ``InDoubt`` if it may have."""
    try:
        response = client.request(method, url, headers=dict(headers), json=json)
    except NOTHING_LEFT as error:
        return NotSent(reason=type(error).__name__)
    except httpx2.HTTPError as error:
        return InDoubt(reason=type(error).__name__)
    return ProviderResponse(status=response.status_code, headers=response.headers, body=response.content)
