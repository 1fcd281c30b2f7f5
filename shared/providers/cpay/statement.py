"""CPay's account statement as lines of ours, read page by page to its end."""

from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlencode

from shared.domain.errors import CurrencyUnknown
from shared.domain.money import Money
from shared.provider_kit.bearer_api import BearerApi
from shared.provider_kit.http import ProviderResponse
from shared.provider_kit.provider import StatementLine, StatementUnavailable
from shared.provider_kit.wire import read
from shared.providers.cpay.outcomes import outcome_of_movement, outcome_of_payment
from shared.providers.cpay.wire import Entry, Payment, StatementPage

ENTRIES_A_PAGE = 200


def statement_lines(cpay: BearerApi, since: datetime, until: datetime) -> Iterator[StatementLine]:
    """Every entry of ``since <= t < until``, oldest first.

    Raises:
        StatementUnavailable: a page could not be had or read, or does not lead on to the next.
    """
    wanted = {"since": since.isoformat(), "until": until.isoformat(), "limit": str(ENTRIES_A_PAGE)}
    page = _page(cpay, wanted)
    yield from map(line_of, page.data)
    while page.has_more:
        if not page.data or page.next != page.data[-1].id:
            raise StatementUnavailable("a page does not say where the next one begins")
        page = _page(cpay, {**wanted, "after": page.next})
        yield from map(line_of, page.data)


def line_of(entry: Entry) -> StatementLine:
    """One entry, in our words.

    Raises:
        StatementUnavailable: its currency or its time makes no sense.
    """
    occurred_at = entry.made_at()
    if occurred_at is None:
        raise StatementUnavailable(f"{entry.id} has no time")
    return StatementLine(
        kind=entry.object,
        reference=entry.id,
        our_id=entry.merchant_reference,
        amount=amount_of(entry),
        outcome=outcome_of_payment(entry) if isinstance(entry, Payment) else outcome_of_movement(entry),
        occurred_at=occurred_at,
    )


def amount_of(entry: Entry) -> Money:
    try:
        return Money(entry.amount, entry.currency)
    except CurrencyUnknown:
        raise StatementUnavailable(f"{entry.id} is in an unknown currency") from None


def _page(cpay: BearerApi, wanted: dict[str, str]) -> StatementPage:
    answer = cpay.get(f"/statement?{urlencode(wanted)}")
    if not isinstance(answer, ProviderResponse):
        raise StatementUnavailable(answer.reason)
    page = read(StatementPage, answer.body) if answer.status == 200 else None
    if page is None:
        raise StatementUnavailable(f"http {answer.status}")
    return page
