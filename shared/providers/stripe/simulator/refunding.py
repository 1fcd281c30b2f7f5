"""Refunds: made by the API or in the dashboard, decided at once or later, and failing after they succeeded."""

from collections.abc import Mapping
from dataclasses import replace

from shared.providers.stripe.simulator import books
from shared.providers.stripe.simulator.act import Act
from shared.providers.stripe.simulator.asking import RefundAsked
from shared.providers.stripe.simulator.charging import Charging
from shared.providers.stripe.simulator.exchange import Refused, invalid, new_id, no_such
from shared.providers.stripe.simulator.money import written
from shared.providers.stripe.simulator.payments import behaviour_of, existing_intent
from shared.providers.stripe.simulator.rows import Charge, ChargeStatus, Intent, Method, Refund
from shared.providers.stripe.simulator.scenarios import BY_WORD, RefundStatus, Scenario
from shared.providers.stripe.simulator.settings import StripeSimulatorSettings

R = RefundStatus

# A succeeded refund may still fail; the other ends are ends.
EDGES: Mapping[RefundStatus, frozenset[RefundStatus]] = {
    R.PENDING: frozenset({R.SUCCEEDED, R.FAILED}),
    R.REQUIRES_ACTION: frozenset({R.SUCCEEDED, R.FAILED, R.CANCELED}),
    R.SUCCEEDED: frozenset({R.FAILED}),
}
HOLDING = frozenset({R.PENDING, R.REQUIRES_ACTION, R.SUCCEEDED})  # the amount cannot be refunded again meanwhile


class Refunding:
    """Every method works within the caller's transaction."""

    def __init__(self, settings: StripeSimulatorSettings, charging: Charging) -> None:
        self._settings = settings
        self._charging = charging

    def create(self, act: Act, asked: RefundAsked, scenario: Scenario | None) -> Refund:
        """Give some or, without an amount, all that is left back.

        Raises:
            Refused: 400, no such payment, nothing was taken, or more than is left.
        """
        intent, charge = self._charge_of(act, asked)
        amount = amount_to_refund(charge, asked.amount)
        steps = self._steps(act, intent, charge, scenario)
        refund = Refund(
            id=new_id("re" if charge.id.startswith("ch_") else "pyr"),
            created=act.now,
            intent_id=intent.id,
            charge_id=charge.id,
            amount=amount,
            currency=charge.currency,
            status=steps[0],
            reason=asked.reason,
            metadata=asked.metadata,
            telling=scenario.telling if scenario else intent.telling,
            idempotency_key=act.idempotency_key,
        )
        refund = self._booked(act, charge, refund)
        given = books.save(act.connection, replace(charge, given_back=charge.given_back + amount))
        self._tell(act, refund, "refund.created", refund)
        self._tell(act, refund, "charge.refunded", given)
        for count, status in enumerate(steps[1:], start=1):
            due_at_ms = act.now_ms + count * self._settings.delay_ms
            books.schedule(act.connection, refund.id, status, due_at_ms)
        return refund

    def move(self, act: Act, refund: Refund, status: RefundStatus) -> Refund:
        """Decide a refund; what fails or is cancelled goes back to what can be refunded.

        Raises:
            Refused: 400, no such edge.
        """
        if status not in EDGES.get(refund.status, frozenset()):
            raise invalid(f"This refund has a status of {refund.status} and cannot become {status}.")
        charge = books.find(act.connection, Charge, refund.charge_id)
        assert charge is not None
        moved = replace(refund, status=status)
        if status is R.FAILED:
            moved = self._failed(act, charge, moved)
        moved = self._booked(act, charge, moved)
        if status not in HOLDING:
            charge = books.save(act.connection, replace(charge, given_back=charge.given_back - refund.amount))
        self._tell(act, moved, "refund.failed" if status is R.FAILED else "refund.updated", moved)
        self._tell(act, moved, "charge.refund.updated", moved)
        return moved

    def update(self, act: Act, refund: Refund, metadata: Mapping[str, str]) -> Refund:
        """Only its metadata can be changed."""
        changed = books.save(act.connection, replace(refund, metadata=metadata))
        self._tell(act, changed, "refund.updated", changed)
        return changed

    def _tell(self, act: Act, refund: Refund, event_type: str, row: Refund | Charge) -> None:
        self._charging.tell_as(act, refund.telling, event_type, row)

    def _charge_of(self, act: Act, asked: RefundAsked) -> tuple[Intent, Charge]:
        if asked.intent_id is not None:
            intent = existing_intent(act, asked.intent_id, "payment_intent")
            charge = books.find(act.connection, Charge, intent.latest_charge or "")
            if charge is None or not charge.captured:
                raise invalid(
                    f"This PaymentIntent ({intent.id}) does not have a successful charge to refund.",
                    param="payment_intent",
                )
            return intent, charge
        charge = books.find(act.connection, Charge, asked.charge_id or "")
        if charge is None:
            raise no_such("charge", asked.charge_id or "", param="charge")
        if charge.status is not ChargeStatus.SUCCEEDED or not charge.captured:
            raise invalid(f"Charge {charge.id} was not captured.", "charge_not_refundable", "charge")
        return self._charging.intent_of(act, charge.intent_id), charge

    def _steps(self, act: Act, intent: Intent, charge: Charge, scenario: Scenario | None) -> tuple[RefundStatus, ...]:
        if scenario is not None and scenario.refund_steps is not None:
            return scenario.refund_steps
        of_payment = BY_WORD[intent.scenario].refund_steps
        if of_payment is not None:
            return of_payment
        method = books.find(act.connection, Method, charge.payment_method)
        assert method is not None
        return behaviour_of(intent, method).refund_steps

    def _booked(self, act: Act, charge: Charge, refund: Refund) -> Refund:
        """Saved; with its line in the balance, if the money leaves now."""
        if refund.status is R.SUCCEEDED and refund.balance_transaction is None:
            kind = "refund" if refund.id.startswith("re_") else "payment_refund"
            line = self._charging.transaction(act, kind, charge, refund.id, -refund.amount)
            refund = replace(refund, balance_transaction=line.id)
        return books.save(act.connection, refund)

    def _failed(self, act: Act, charge: Charge, refund: Refund) -> Refund:
        """What had left the balance comes back to it."""
        failed = replace(refund, failure_reason="expired_or_canceled_card")
        if refund.balance_transaction is None:
            return failed
        line = self._charging.transaction(act, "refund_failure", charge, refund.id, refund.amount)
        return replace(failed, failure_balance_transaction=line.id)


def amount_to_refund(charge: Charge, asked: int | None) -> int:
    if charge.is_disputed:
        raise Refused(400, f"Charge {charge.id} has been charged back; cannot issue a refund.", code="charge_disputed")
    if charge.refundable == 0:
        raise invalid(f"Charge {charge.id} has already been refunded.", "charge_already_refunded")
    amount = charge.refundable if asked is None else asked
    if amount > charge.refundable:
        wanted, left = written(amount, charge.currency), written(charge.refundable, charge.currency)
        raise invalid(f"Refund amount ({wanted}) is greater than unrefunded amount on charge ({left})", param="amount")
    return amount


def existing_refund(act: Act, refund_id: str) -> Refund:
    """Raises: Refused: 404, no such refund."""
    refund = books.find(act.connection, Refund, refund_id)
    if refund is None:
        raise no_such("refund", refund_id)
    return refund
