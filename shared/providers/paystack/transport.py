"""Paystack's HTTP: its lists, page by page to their end, and its errors."""

from collections.abc import Iterator, Mapping
from typing import TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel

from shared.provider_kit.bearer_api import BearerApi
from shared.provider_kit.http import ProviderResponse
from shared.provider_kit.wire import read
from shared.providers.paystack.wire import ErrorBody, Listed

ENTRIES_A_PAGE = 100
MOST_PAGES = 1_000

Entry = TypeVar("Entry", bound=BaseModel)


class Unlisted(Exception):
    """A list could not be had to its end; ``answer`` is what came instead of a page, ``None`` if it made no sense."""

    def __init__(self, reason: str, answer: ProviderResponse | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.answer = answer


class Transport(BearerApi):
    """One configuration's way to Paystack, and through its lists to their end."""

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
        page = read(model, answer.body) if answer.status == 200 else None
        if page is None:
            raise Unlisted(f"http {answer.status}", answer)
        return page


def error_in(answer: ProviderResponse) -> ErrorBody | None:
    return read(ErrorBody, answer.body)
