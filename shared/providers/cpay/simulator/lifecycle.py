"""What happens by itself: the changes of state that are due, of payments and of what belongs to them."""

import sqlite3

from shared.provider_kit.simulator.callbacks import milliseconds
from shared.providers.cpay.simulator import ledger, movements
from shared.providers.cpay.simulator.exchange import Refused
from shared.providers.cpay.simulator.moving import Movements
from shared.providers.cpay.simulator.payments import Payments, existing_payment
from shared.providers.cpay.simulator.scenarios import MovementStatus, PaymentStatus
from shared.providers.cpay.simulator.settings import CPaySimulatorSettings
from shared.providers.cpay.simulator.telling import Teller
from shared.runtime.clock import Clock


class Lifecycle:
    """Every method works within the caller's transaction."""

    def __init__(self, settings: CPaySimulatorSettings, clock: Clock, teller: Teller) -> None:
        self._clock = clock
        self.payments = Payments(settings, clock, teller)
        self.movements = Movements(settings, clock, teller, self.payments)

    def apply_due_changes(self, connection: sqlite3.Connection) -> None:
        """Everything whose time has come; what has moved on meanwhile, such as by a cancellation, stays as it is."""
        for change in ledger.take_due_changes(connection, milliseconds(self._clock.now())):
            try:
                self._apply(connection, change)
            except Refused:
                continue

    def _apply(self, connection: sqlite3.Connection, change: ledger.Change) -> None:
        movement = movements.with_id(connection, change.resource_id)
        if movement is not None:
            self.movements.move(connection, movement, MovementStatus(change.status), change.failure_code)
            return
        payment = existing_payment(connection, change.resource_id)
        self.payments.move(connection, payment, PaymentStatus(change.status), change.failure_code)
