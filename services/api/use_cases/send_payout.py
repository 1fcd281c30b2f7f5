"""Accepts a payout: recorded together with its event, its audit entry and its command; sent by others."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from services.api.use_cases.orders import (
    QUEUE_PATIENCE,
    ActiveProviders,
    capabilities_of,
    check_amount,
    listed,
    ordered_money,
    refused,
)
from shared.application.actor import Actor
from shared.application.addressing import command_now
from shared.application.commands import next_payout_command
from shared.application.journal import record_payout_event
from shared.application.views import View, payout_view
from shared.domain.customer import Customer
from shared.domain.ids import MerchantId, PayoutId, UserId
from shared.domain.money import Money
from shared.domain.payout import Payout
from shared.domain.payout_status import INITIAL
from shared.persistence.unit_of_work import UnitOfWork
from shared.provider_kit.plugin import Capabilities, ProviderPlugin
from shared.runtime.access_tokens import Principal
from shared.runtime.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutOrder:
    """A payout as it was asked for, after the checks of form."""

    provider: str
    amount: Decimal
    currency: str
    recipient: Customer
    reason: str
    metadata: Mapping[str, str]


class SendPayout:
    def __init__(self, providers: ActiveProviders, clock: Clock, lifetime: timedelta) -> None:
        self._providers, self._clock, self._lifetime = providers, clock, lifetime

    def money_of(self, order: PayoutOrder) -> Money:
        """Raises ``ValidationFailed``, naming the field and what would be right."""
        return ordered_money(order.amount, order.currency)

    def accept(
        self, order: PayoutOrder, money: Money, key: str, principal: Principal, actor: Actor
    ) -> Callable[[UnitOfWork, UUID], View]:
        """The work of the claim's transaction: makes the payout with the id that the claim gives it. It raises

        ValidationFailed: the provider does not take this order. Only for a new key, as for payments.
        """
        assert principal.merchant_id is not None, "authorise() lets nobody without a merchant through"
        active = self._providers(MerchantId(principal.merchant_id))

        def make(work: UnitOfWork, resource_id: UUID) -> View:
            _check(order, money, active)
            payout = self._new(order, money, key, principal, PayoutId(resource_id))
            work.payouts.add(payout)
            record_payout_event(work, payout, INITIAL.event_type, actor, {"reason": payout.reason})
            work.outbox.add(command_now(next_payout_command(payout, payout.created_at)))
            return payout_view(payout)

        return make

    def _new(self, order: PayoutOrder, money: Money, key: str, principal: Principal, payout_id: PayoutId) -> Payout:
        now = self._clock.now()
        assert principal.merchant_id is not None, "authorise() lets nobody without a merchant through"
        return Payout(
            id=payout_id,
            merchant_id=MerchantId(principal.merchant_id),
            user_id=UserId(principal.user_id),
            idempotency_key=key,
            provider=order.provider,
            amount=money,
            recipient=order.recipient,
            reason=order.reason,
            metadata=order.metadata,
            version=1,
            status=INITIAL.status,
            expires_at=now + self._lifetime,
            next_check_at=now + QUEUE_PATIENCE,
            created_at=now,
            updated_at=now,
        )


def _check(order: PayoutOrder, money: Money, active: Mapping[str, ProviderPlugin]) -> None:
    able = capabilities_of(order.provider, active)
    if "payout" not in able.operations:
        senders = listed(name for name, each in active.items() if "payout" in each.capabilities.operations)
        raise refused("/provider", f"{order.provider} sends no payouts; these do: {senders or 'none'}")
    check_amount(money, able)
    _check_recipient(order, able)


def _check_recipient(order: PayoutOrder, able: Capabilities) -> None:
    choices = able.recipient_needs_one_of
    if choices and all(getattr(order.recipient, each) is None for each in choices):
        raise refused("/recipient", f"{order.provider} needs one of: {listed(choices)}")
