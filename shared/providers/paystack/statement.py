"""Paystack's books as lines of ours: its transactions and its refunds, both to their end, in the order of time."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypeVar

from shared.domain.errors import CurrencyUnknown
from shared.domain.money import Money
from shared.provider_kit.provider import StatementLine, StatementUnavailable
from shared.providers.paystack.notes import refund_id_in, uuid_or_none
from shared.providers.paystack.outcomes import STATEMENT_STATUSES, outcome_of_payment, outcome_of_refund
from shared.providers.paystack.transport import Transport, Unlisted
from shared.providers.paystack.wire import Listed, Refund, Transaction

Entry = TypeVar("Entry", Transaction, Refund)


def statement_lines(paystack: Transport, since: datetime, until: datetime) -> Iterable[StatementLine]:
    """Every payment and refund of ``since <= t < until``, oldest first.

    They list the newest first, so all of it is read before the first line is given.

    Raises:
        StatementUnavailable: a page could not be had or read, or an entry makes no sense.
    """
    wanted = {"from": since.isoformat(), "to": until.isoformat()}
    lines = [
        *map(line_of_payment, _entries(paystack, "/transaction", Listed[Transaction], wanted)),
        *map(line_of_refund, _entries(paystack, "/refund", Listed[Refund], wanted)),
    ]
    # Whether they count the ends in, or go by whole days: ours are the ones that hold.
    within = [line for line in lines if since <= line.occurred_at < until]
    return sorted(within, key=lambda line: line.occurred_at)


def line_of_payment(payment: Transaction) -> StatementLine:
    ours = uuid_or_none(payment.reference)
    return StatementLine(
        kind="payment",
        reference=payment.reference,
        our_id=str(ours) if ours else None,
        amount=amount_of(payment),
        outcome=outcome_of_payment(payment, STATEMENT_STATUSES),
        occurred_at=moment_of(payment),
    )


def line_of_refund(refund: Refund) -> StatementLine:
    ours = refund_id_in(refund.merchant_note)
    return StatementLine(
        kind="refund",
        reference=refund.id,
        our_id=str(ours) if ours else None,
        amount=amount_of(refund),
        outcome=outcome_of_refund(refund, refund.id),
        occurred_at=moment_of(refund),
    )


def amount_of(entry: Transaction | Refund) -> Money:
    try:
        return Money(entry.amount, entry.currency)
    except CurrencyUnknown:
        raise StatementUnavailable(f"{entry.id} is in an unknown currency") from None


def moment_of(entry: Transaction | Refund) -> datetime:
    moment = entry.made_at()
    if moment is None:
        raise StatementUnavailable(f"{entry.id} has no time")
    return moment


def _entries(paystack: Transport, path: str, model: type[Listed[Entry]], wanted: Mapping[str, str]) -> Iterable[Entry]:
    try:
        # What is made meanwhile pushes others to the next page: an entry that is seen twice counts once.
        return list({entry.id: entry for entry in paystack.every(path, model, wanted)}.values())
    except Unlisted as unlisted:
        raise StatementUnavailable(unlisted.reason) from None
