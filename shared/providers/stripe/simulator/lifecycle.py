"""What happens by itself: settlements, refunds, disputes and expiries whose time has come."""

from shared.provider_kit.simulator.callbacks import milliseconds
from shared.providers.stripe.simulator import books
from shared.providers.stripe.simulator.act import Act
from shared.providers.stripe.simulator.books import Change
from shared.providers.stripe.simulator.capturing import Capturing
from shared.providers.stripe.simulator.charging import Charging
from shared.providers.stripe.simulator.disputing import Disputing
from shared.providers.stripe.simulator.exchange import Refused
from shared.providers.stripe.simulator.payments import Payments
from shared.providers.stripe.simulator.refunding import Refunding
from shared.providers.stripe.simulator.rows import Charge, Intent, Refund
from shared.providers.stripe.simulator.scenarios import RefundStatus
from shared.providers.stripe.simulator.settings import StripeSimulatorSettings
from shared.providers.stripe.simulator.telling import Teller
from shared.runtime.clock import Clock


class Lifecycle:
    """The parts of Stripe; every method of theirs works within the caller's transaction."""

    def __init__(self, settings: StripeSimulatorSettings, clock: Clock, teller: Teller) -> None:
        self._clock = clock
        self._charging = Charging(settings, teller)
        self.payments = Payments(settings, self._charging)
        self.capturing = Capturing(self.payments, self._charging)
        self.refunding = Refunding(settings, self._charging)
        self.disputing = Disputing(self._charging)

    def now_ms(self) -> int:
        return milliseconds(self._clock.now())

    def apply_due_changes(self, act: Act) -> None:
        """Everything whose time has come; what has moved on meanwhile, such as by a cancellation, stays as it is."""
        for change in books.take_due_changes(act.connection, act.now_ms):
            try:
                self._apply(act, change)
            except Refused:
                continue

    def _apply(self, act: Act, change: Change) -> None:
        intent = books.find(act.connection, Intent, change.resource_id)
        if intent is not None:
            self._apply_to_intent(act, intent, change.what)
            return
        refund = books.find(act.connection, Refund, change.resource_id)
        if refund is not None:
            self.refunding.move(act, refund, RefundStatus(change.what))
            return
        charge = books.find(act.connection, Charge, change.resource_id)
        if charge is not None:
            self._apply_to_charge(act, charge, change.what)

    def _apply_to_intent(self, act: Act, intent: Intent, what: str) -> None:
        if what == "expire":
            self.capturing.expire(act, intent)
        else:
            self.payments.settle(act, intent, is_paid=what == "succeed")

    def _apply_to_charge(self, act: Act, charge: Charge, what: str) -> None:
        if what == "book":
            self._charging.book_late(act, charge)
        else:
            self.disputing.open(act, charge, what.removeprefix("dispute:"))
