"""Stripe's books as lines of ours: its payment intents, what was captured of them, and its refunds."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from shared.domain.errors import AmountRejected, CurrencyUnknown
from shared.domain.outcome import Authorized, Succeeded
from shared.provider_kit.answers import answer_of
from shared.provider_kit.provider import StatementLine, StatementUnavailable
from shared.providers.stripe.calls import ListBroken, StripeCalls
from shared.providers.stripe.entries import PAYMENT_ENTRY, REFUND_ENTRY, capture_id_in
from shared.providers.stripe.money import from_stripe
from shared.providers.stripe.outcomes import outcome_of_intent, outcome_of_refund
from shared.providers.stripe.wire import Intent, Refund

# A capture is found in its intent, which may be as much older as an authorization lives.
LONGEST_AUTHORIZATION = timedelta(days=8)


def statement_lines(calls: StripeCalls, since: datetime, until: datetime) -> Iterator[StatementLine]:
    """Everything started in ``since <= t < until``, oldest first. Stripe lists the newest first, so all is read before
    the first line.

    What moved no money and is not ours is left out: an account may have other users than this gateway.

    Raises:
        StatementUnavailable: a page could not be had or read, or an entry makes no sense.
    """
    try:
        lines = [*_of_intents(calls, since, until), *_of_refunds(calls, since, until)]
    except ListBroken as broken:
        raise StatementUnavailable(broken.reason) from None
    except (AmountRejected, CurrencyUnknown) as error:
        raise StatementUnavailable(f"an amount {error}") from None
    wanted = [line for line in lines if since <= line.occurred_at < until]
    yield from sorted(wanted, key=lambda line: line.occurred_at)


def _of_intents(calls: StripeCalls, since: datetime, until: datetime) -> Iterator[StatementLine]:
    first = int((since - LONGEST_AUTHORIZATION).timestamp())
    for intent in calls.intents({"created": {"gte": first, "lte": int(until.timestamp())}}):
        yield from _captures_of(intent)
        outcome = outcome_of_intent(intent, None)
        if PAYMENT_ENTRY not in intent.metadata and not isinstance(outcome, Succeeded | Authorized):
            continue
        yield StatementLine(
            kind="payment",
            reference=intent.id,
            our_id=intent.metadata.get(PAYMENT_ENTRY),
            amount=from_stripe(intent.amount, intent.currency),
            outcome=outcome,
            occurred_at=_made_at(intent),
        )


def _captures_of(intent: Intent) -> Iterator[StatementLine]:
    """Ours only: they alone leave an entry. Each began when its id, a UUIDv7, was made."""
    for name, units in intent.metadata.items():
        capture_id = capture_id_in(name)
        if capture_id is None or not (units.isascii() and units.isdigit()):
            continue
        yield StatementLine(
            kind="capture",
            reference=intent.charge_id() or intent.id,
            our_id=str(capture_id),
            amount=from_stripe(int(units), intent.currency),
            outcome=Succeeded(reference=intent.charge_id() or intent.id, answer=answer_of(intent)),
            occurred_at=_begun_at(capture_id, intent),
        )


def _of_refunds(calls: StripeCalls, since: datetime, until: datetime) -> Iterator[StatementLine]:
    for refund in calls.refunds({"created": {"gte": int(since.timestamp()), "lte": int(until.timestamp())}}):
        yield StatementLine(
            kind="refund",
            reference=refund.id,
            our_id=refund.metadata.get(REFUND_ENTRY),
            amount=from_stripe(refund.amount, refund.currency),
            outcome=outcome_of_refund(refund),
            occurred_at=_made_at(refund),
        )


def _made_at(resource: Intent | Refund) -> datetime:
    if resource.created is None:
        raise StatementUnavailable(f"{resource.id} has no time")
    return datetime.fromtimestamp(resource.created, UTC)


def _begun_at(capture_id: UUID, intent: Intent) -> datetime:
    if capture_id.version != 7:
        return _made_at(intent)
    return datetime.fromtimestamp((capture_id.int >> 80) / 1000, UTC)
