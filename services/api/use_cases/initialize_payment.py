"""Accepts a payment: recorded together with its event, its audit entry and its command; sent by others."""

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
from shared.application.commands import next_payment_command
from shared.application.journal import record_payment_event
from shared.application.views import View, payment_view
from shared.domain.customer import Customer
from shared.domain.ids import MerchantId, TransactionId, UserId
from shared.domain.money import Money
from shared.domain.transaction import CaptureMethod, Transaction
from shared.domain.transaction_status import INITIAL
from shared.persistence.unit_of_work import UnitOfWork
from shared.provider_kit.plugin import Capabilities, ProviderPlugin
from shared.runtime.access_tokens import Principal
from shared.runtime.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentOrder:
    """A payment as it was asked for, after the checks of form."""

    provider: str
    amount: Decimal
    currency: str
    customer: Customer
    customer_id: str | None
    payment_method: str | None
    payment_method_token: str | None
    return_url: str | None
    metadata: Mapping[str, str]
    capture_method: CaptureMethod


class InitializePayment:
    def __init__(self, providers: ActiveProviders, clock: Clock, lifetime: timedelta) -> None:
        self._providers, self._clock, self._lifetime = providers, clock, lifetime

    def money_of(self, order: PaymentOrder) -> Money:
        """The amount, if it is one of the currency.

        Raises:
            ValidationFailed: naming the field and what would be right.
        """
        return ordered_money(order.amount, order.currency)

    def accept(
        self, order: PaymentOrder, money: Money, key: str, principal: Principal, actor: Actor
    ) -> Callable[[UnitOfWork, UUID], View]:
        """The work of the claim's transaction: makes the payment with the id that the claim gives it. It raises

        ValidationFailed: the provider does not take this order. Only for a new key: a repeated request gets its first
        answer, also when the provider has been switched off since.
        """
        assert principal.merchant_id is not None, "authorise() lets nobody without a merchant through"
        active = self._providers(MerchantId(principal.merchant_id))

        def make(work: UnitOfWork, resource_id: UUID) -> View:
            _check_provider(order, money, active)
            payment = self._new(order, money, key, principal, TransactionId(resource_id))
            work.transactions.add(payment)
            record_payment_event(work, payment, INITIAL.event_type, actor, {"amount": str(money)})
            work.outbox.add(command_now(next_payment_command(payment, payment.created_at)))
            return payment_view(payment)

        return make

    def _new(
        self, order: PaymentOrder, money: Money, key: str, principal: Principal, transaction_id: TransactionId
    ) -> Transaction:
        now, nothing = self._clock.now(), Money(0, money.currency)
        assert principal.merchant_id is not None, "authorise() lets nobody without a merchant through"
        return Transaction(
            id=transaction_id,
            merchant_id=MerchantId(principal.merchant_id),
            user_id=UserId(principal.user_id),
            idempotency_key=key,
            provider=order.provider,
            amount=money,
            status=INITIAL.status,
            customer=order.customer,
            customer_id=order.customer_id,
            payment_method=order.payment_method,
            payment_method_token=order.payment_method_token,
            return_url=order.return_url,
            metadata=order.metadata,
            capture_method=order.capture_method,
            authorized=nothing,
            capture_pending=nothing,
            captured=nothing,
            refunded=nothing,
            refund_pending=nothing,
            version=1,
            expires_at=now + self._lifetime,
            next_check_at=now + QUEUE_PATIENCE,
            created_at=now,
            updated_at=now,
        )


def _check_provider(order: PaymentOrder, money: Money, active: Mapping[str, ProviderPlugin]) -> None:
    able = capabilities_of(order.provider, active)
    check_amount(money, able)
    if order.capture_method is CaptureMethod.MANUAL and "capture" not in able.operations:
        raise refused("/capture_method", f"must be automatic: {order.provider} takes payments at once")
    _check_customer(order, able)
    if order.payment_method is not None and order.payment_method not in able.payment_methods:
        raise refused("/payment_method", f"must be one of: {listed(able.payment_methods)}")
    if order.payment_method_token is not None and not able.takes_payment_method_tokens:
        raise refused("/payment_method_token", f"must be left out: {order.provider} takes none")


def _check_customer(order: PaymentOrder, able: Capabilities) -> None:
    for need in sorted(able.customer_needs):
        if getattr(order.customer, need) is None:
            raise refused(f"/customer/{need}", f"{order.provider} needs it")
    choices = sorted(able.customer_needs_one_of)
    if choices and all(getattr(order.customer, each) is None for each in choices):
        raise refused("/customer", f"{order.provider} needs one of: {', '.join(choices)}")
