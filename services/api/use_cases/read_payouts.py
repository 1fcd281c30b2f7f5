"""Reads payouts: one with its whole life, or a page of them."""

from functools import partial
from uuid import UUID

from services.api.use_cases.acceptance import Resource
from services.api.use_cases.ids import id_of
from services.api.use_cases.pages import PageRequest, page_view
from services.api.use_cases.read_payments import MOVEMENT_AT_WORK, attempt_view, audit_view
from shared.application.views import View, payout_view
from shared.domain.errors import NotFound
from shared.domain.ids import MerchantId, PayoutId
from shared.domain.payout import Payout
from shared.persistence.payouts import PayoutFilter
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory


class ReadPayouts:
    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def one(self, payout_id: str, merchant_id: MerchantId) -> View:
        """The payout with its audit trail and attempts. Raises ``NotFound``."""
        with self._unit_of_work() as work:
            payout = _own(work, id_of("payout", payout_id), merchant_id)
            return payout_view(payout) | {
                "audit_trail": [audit_view(entry) for entry in work.audit_log.of_payout(payout.id)],
                "attempts": [attempt_view(attempt) for attempt in work.attempts.of_payout(payout.id)],
            }

    def payouts_of(self, merchant_id: MerchantId) -> Resource:
        return Resource(partial(self._current, merchant_id), self._has_outcome)

    def page(self, narrowed_to: PayoutFilter, asked: PageRequest) -> View:
        """One page, newest first. Raises ``ValidationFailed`` for a cursor that is no id."""
        after, before = asked.places("payout")
        with self._unit_of_work() as work:
            found = work.payouts.list_newest_first(
                narrowed_to,
                limit=asked.limit + 1,
                offset=asked.offset,
                before=None if before is None else PayoutId(before),
                after=None if after is None else PayoutId(after),
            )
            total = work.payouts.count(narrowed_to)
        return page_view(asked, found, total, payout_view)

    def _current(self, merchant_id: MerchantId, payout_id: UUID) -> View:
        """The payout as it is now. Raises ``NotFound``."""
        with self._unit_of_work() as work:
            return payout_view(_own(work, payout_id, merchant_id))

    def _has_outcome(self, payout_id: UUID) -> bool:
        with self._unit_of_work() as work:
            return work.payouts.status_of(payout_id) not in MOVEMENT_AT_WORK


def _own(work: UnitOfWork, payout_id: UUID, merchant_id: MerchantId) -> Payout:
    payout = work.payouts.find(payout_id)
    if payout is None or payout.merchant_id != merchant_id:
        raise NotFound("There is no such payout.")
    return payout
