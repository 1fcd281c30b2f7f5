"""What customers paid in the last 48 hours, by M-Pesa's Pull Transactions."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError

from shared.domain.money import Money
from shared.domain.outcome import Succeeded
from shared.provider_kit.answers import unreadable
from shared.provider_kit.http import ProviderResponse
from shared.provider_kit.provider import StatementLine, StatementUnavailable
from shared.provider_kit.wire import read
from shared.providers.mpesa.config import STATEMENT_REACH_HOURS
from shared.providers.mpesa.credentials import EAST_AFRICA
from shared.providers.mpesa.errors import error_in
from shared.providers.mpesa.reading import money_of
from shared.providers.mpesa.transport import Transport
from shared.providers.mpesa.wire import PullAnswer, PulledPayment

PATH = "/pulltransactions/v1/query"
FOUND = "1000"
NOTHING_FOUND = "1001"
REACH = timedelta(hours=STATEMENT_REACH_HOURS)
MOST_PAGES = 1000
THEIR_FORMAT = "%Y-%m-%d %H:%M:%S"


def statement_lines(
    mpesa: Transport, shortcode: str, window: tuple[datetime, datetime], now: datetime
) -> list[StatementLine]:
    """Every payment of ``since <= t < until``, oldest first.

    Raises:
        StatementUnavailable: it begins more than 48 hours ago, or the pages could not be read to their end.
    """
    since, until = window
    if since < now - REACH:
        raise StatementUnavailable("M-Pesa tells of the last 48 hours only")
    if since >= min(until, now):
        return []
    lines = [line_of(row) for row in pulled(mpesa, shortcode, (since, min(until, now)))]
    inside = [line for line in lines if since <= line.occurred_at < until]
    return sorted(inside, key=lambda line: (line.occurred_at, line.reference))


def pulled(mpesa: Transport, shortcode: str, window: tuple[datetime, datetime]) -> Iterator[PulledPayment]:
    """Page by page, each payment once, until a page says nothing new.

    Raises:
        StatementUnavailable: a page could not be had or read.
    """
    seen: set[str] = set()
    for _ in range(MOST_PAGES):
        rows = [row for row in _page(mpesa, shortcode, window, len(seen)) if row.transaction_id not in seen]
        if not rows:
            return
        # One page may name a payment twice.
        fresh = {row.transaction_id: row for row in rows}
        seen.update(fresh)
        yield from fresh.values()
    raise StatementUnavailable("the pages do not end")


def line_of(row: PulledPayment) -> StatementLine:
    """``our_id`` is what the customer's payment named as its account: a short reference, where we have asked for it.

    Raises:
        StatementUnavailable: its amount or its time makes no sense.
    """
    return StatementLine(
        kind="payment",
        reference=row.transaction_id,
        our_id=row.bill_reference or None,
        amount=amount_of(row),
        outcome=Succeeded(reference=row.transaction_id),
        occurred_at=_made_at(row),
    )


def amount_of(row: PulledPayment) -> Money:
    amount = money_of(row.amount)
    if amount is None:
        raise StatementUnavailable(f"{row.transaction_id} has no amount")
    return amount


def _made_at(row: PulledPayment) -> datetime:
    try:
        moment = datetime.fromisoformat(row.made_at)
        return (moment if moment.tzinfo else moment.replace(tzinfo=EAST_AFRICA)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise StatementUnavailable(f"{row.transaction_id} has no time") from None


def _page(mpesa: Transport, shortcode: str, window: tuple[datetime, datetime], offset: int) -> list[PulledPayment]:
    since, until = (moment.astimezone(EAST_AFRICA).strftime(THEIR_FORMAT) for moment in window)
    wanted = {"ShortCode": shortcode, "StartDate": since, "EndDate": until, "OffSetValue": str(offset)}
    answer = mpesa.ask(PATH, wanted)
    if not isinstance(answer, ProviderResponse):
        raise StatementUnavailable(answer.reason)
    error = error_in(answer)
    page = None if error is not None else read(PullAnswer, answer.body)
    if page is None:
        raise StatementUnavailable((error or unreadable(answer)).reason)
    if page.response_code == NOTHING_FOUND:
        return []
    if page.response_code != FOUND:
        raise StatementUnavailable(f"ResponseCode {page.response_code}")
    return _rows(page)


def _rows(page: PullAnswer) -> list[PulledPayment]:
    try:
        return [PulledPayment.model_validate(row) for row in page.rows()]
    except ValidationError:
        raise StatementUnavailable("a row that is no payment") from None
