"""Paystack's HTTP: what is sent and read with the key, and answers as models of ``wire``, or not at all."""

from collections.abc import Iterator, Mapping
from typing import TypeVar
from urllib.parse import urlencode

import httpx2
from pydantic import BaseModel, ValidationError

from shared.domain.outcome import InDoubt, NotSent
from shared.provider_kit.http import ProviderResponse, call
from shared.providers.paystack.config import PaystackConfig
from shared.providers.paystack.wire import ErrorBody, Listed

ENTRIES_A_PAGE = 100
MOST_PAGES = 1_000

Model = TypeVar("Model", bound=BaseModel)
Entry = TypeVar("Entry", bound=BaseModel)


class Unlisted(Exception):
    """A list could not be had to its end; ``answer`` is what came instead of a page, ``None`` if it made no sense."""

    def __init__(self, reason: str, answer: ProviderResponse | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.answer = answer


class Transport:
    """One configuration's way to Paystack; ``client`` stays the caller's, with its timeouts."""

    def __init__(self, config: PaystackConfig, client: httpx2.Client) -> None:
        self._base_url = config.base_url
        self._client = client
        self._api_key = config.api_key
        self._secrets = (config.api_key, *config.webhook_secrets)

    def post(self, path: str, body: Mapping[str, object]) -> ProviderResponse | NotSent | InDoubt:
        return self._redacted(
            call(self._client, "POST", self._base_url + path, headers=self._authorization(), json=body)
        )

    def get(self, path: str) -> ProviderResponse | InDoubt:
        answer = self._redacted(call(self._client, "GET", self._base_url + path, headers=self._authorization()))
        # A query's NotSent is proof that there is nothing; a query that did not get out proves nothing.
        return InDoubt(reason=answer.reason) if isinstance(answer, NotSent) else answer

    def every(self, path: str, model: type[Listed[Entry]], wanted: Mapping[str, str]) -> Iterator[Entry]:
        """All entries of all pages.

        Raises:
            Unlisted: a page could not be had or read, or there is no end to them.
        """
        for number in range(1, MOST_PAGES + 1):
            page = self._page(path, model, {**wanted, "perPage": str(ENTRIES_A_PAGE), "page": str(number)})
            if page.meta.page != number:
                raise Unlisted("another page than the one that was asked for")
            yield from page.data
            if number >= page.meta.page_count:
                return
        raise Unlisted("the list does not end")

    def _page(self, path: str, model: type[Listed[Entry]], wanted: Mapping[str, str]) -> Listed[Entry]:
        answer = self.get(f"{path}?{urlencode(wanted)}")
        if not isinstance(answer, ProviderResponse):
            raise Unlisted(answer.reason)
        page = read(model, answer) if answer.status == 200 else None
        if page is None:
            raise Unlisted(f"http {answer.status}", answer)
        return page

    def _authorization(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self._api_key.get_secret_value()}"}

    def _redacted(self, answer: ProviderResponse | NotSent | InDoubt) -> ProviderResponse | NotSent | InDoubt:
        """An answer that repeats a key of ours, as some error messages do, loses it here."""
        if not isinstance(answer, ProviderResponse):
            return answer
        body = answer.body
        for secret in self._secrets:
            body = body.replace(secret.get_secret_value().encode(), b"[redacted]")
        return ProviderResponse(status=answer.status, headers=answer.headers, body=body)


def read(model: type[Model], answer: ProviderResponse) -> Model | None:
    """The body as ``model``; ``None`` if it is HTML, empty, cut off or of another shape."""
    try:
        return model.model_validate_json(answer.body)
    except ValidationError:
        return None


def error_in(answer: ProviderResponse) -> ErrorBody | None:
    return read(ErrorBody, answer)


def unreadable(answer: ProviderResponse) -> InDoubt:
    return InDoubt(reason=f"http {answer.status} unreadable")
