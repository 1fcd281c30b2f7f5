"""Sends money out at the provider, and asks about it."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from services.provider_worker.movements import MovementHandlers
from shared.application.journal import record_payout_event
from shared.contracts.messages.commands import SendPayout, VerifyPayout
from shared.domain.attempt import Operation
from shared.domain.outcome import InDoubt, NotSent, Outcome
from shared.domain.payout import Payout
from shared.persistence.payouts import PayoutRepository
from shared.persistence.unit_of_work import UnitOfWork
from shared.provider_kit.provider import PaymentProvider, PayoutQuery, PayoutRequest, SendsPayouts

_UNABLE = "provider sends no payouts"


class PayoutHandlers(MovementHandlers[Payout, Payout]):
    _sending = Operation.INITIALIZE_PAYOUT
    _asking = Operation.VERIFY_PAYOUT

    def initialize(self, command: SendPayout) -> None:
        self._initialize(command.payout_id, command.payout_id)

    def verify(self, command: VerifyPayout) -> None:
        self._verify(command.payout_id, command.payout_id)

    def _stored(self, work: UnitOfWork) -> PayoutRepository:
        return work.payouts

    def _locked(self, work: UnitOfWork, owner_id: UUID, movement_id: UUID) -> tuple[Payout, Payout] | None:  # noqa: ARG002 - it belongs to itself
        payout = work.payouts.lock(movement_id)
        return None if payout is None else (payout, payout)

    def _with_account(self, work: UnitOfWork, owner: Payout, movement: Payout) -> tuple[Payout, Payout] | None:  # noqa: ARG002 - it belongs to itself
        account = movement.provider_config_id or self._accounts.choose(work, movement.merchant_id)
        if account is None:
            return None
        placed = replace(movement, provider_config_id=account)
        return placed, placed

    def _recorded(
        self,
        work: UnitOfWork,
        owner: Payout,
        moved: Payout,
        event_type: str,
        details: Mapping[str, object],
    ) -> tuple[Payout, Payout]:
        payout = replace(moved, version=owner.version + 1)
        record_payout_event(work, payout, event_type, self._attempts.context(None).actor, details)
        return payout, payout

    def _move(self, provider: PaymentProvider, owner: Payout, movement: Payout, idempotency_key: str) -> Outcome:  # noqa: ARG002 - it belongs to itself
        if not isinstance(provider, SendsPayouts):
            return NotSent(reason=_UNABLE)
        request = PayoutRequest(
            payout_id=movement.id,
            idempotency_key=idempotency_key,
            amount=movement.amount,
            recipient=movement.recipient,
            reason=movement.reason,
        )
        return provider.send_payout(request)

    def _ask(self, provider: PaymentProvider, owner: Payout, movement: Payout) -> Outcome:  # noqa: ARG002 - it belongs to itself
        if not isinstance(provider, SendsPayouts):
            return InDoubt(reason=_UNABLE)
        query = PayoutQuery(payout_id=movement.id, amount=movement.amount, reference=movement.reference)
        return provider.verify_payout(query)
