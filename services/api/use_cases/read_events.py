"""Reads a merchant's event log: forward, without gaps."""

from dataclasses import dataclass

from services.api.use_cases.ids import queried_id
from shared.application.views import View, event_view
from shared.domain.errors import FieldError, PlaceLost, ValidationFailed
from shared.domain.event_types import types_meant
from shared.domain.ids import MerchantId, TransactionId
from shared.domain.webhook_delivery import DeliveryState
from shared.persistence.event_log import EventLog, is_cursor
from shared.persistence.unit_of_work import UnitOfWorkFactory

_READ_ANEW = "Read what you keep of us by GET, then go on without after: that is the oldest event there is."


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsAsked:
    """As the query has them: not yet known to be right."""

    after: str | None
    types: str | None
    transaction_id: str | None
    delivery_state: DeliveryState | None
    limit: int


class ReadEvents:
    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def page(self, merchant_id: MerchantId, asked: EventsAsked) -> View:
        """Oldest first, behind ``after``; an event that may yet get a predecessor waits for the next page.

        Raises:
            ValidationFailed: it names the field.
            PlaceLost: the log does not go on from ``after``.
        """
        _check_after(asked.after)
        types, transaction_id = _types(asked.types), _payment(asked.transaction_id)
        with self._unit_of_work() as work:
            work.see_one_moment()
            found = work.event_log.of_merchant(
                merchant_id,
                after=_place(work.event_log, asked.after),
                types=types,
                transaction_id=transaction_id,
                delivery_state=asked.delivery_state,
                limit=asked.limit + 1,
            )
            end = work.event_log.end()
        shown, has_more = found[: asked.limit], len(found) > asked.limit
        return {
            "data": [event_view(each) for each in shown],
            "has_more": has_more,
            # Who has read everything moves on with the log: else a quiet merchant would stand where it is deleted.
            "next_cursor": shown[-1].cursor if has_more else end,
        }


def _check_after(given: str | None) -> None:
    if given is not None and not is_cursor(given):
        raise _refused("after", "must be the next_cursor of a page, or the cursor of an event")


def _place(log: EventLog, after: str | None) -> str:
    """Where to begin: with the oldest that is kept, if the caller does not say."""
    if after is None:
        return log.beginning()
    if log.is_ahead(after):
        raise PlaceLost(f"This log has never come by that place: it was restored. {_READ_ANEW}")
    if log.is_forgotten(after):
        raise PlaceLost(f"The events behind that place are not all kept any more. {_READ_ANEW}")
    return after


def _types(given: str | None) -> frozenset[str] | None:
    try:
        return None if given is None else types_meant(each.strip() for each in given.split(","))
    except ValueError as error:
        raise _refused("types", str(error)) from None


def _payment(given: str | None) -> TransactionId | None:
    found = queried_id("transaction_id", given, "must be the id of a payment")
    return None if found is None else TransactionId(found)


def _refused(field: str, what_is_right: str) -> ValidationFailed:
    return ValidationFailed("Some fields are not acceptable.", FieldError(field, what_is_right))
