"""Money that moves: every shilling leaves one account and enters another, under a receipt that is there once."""

import sqlite3
from dataclasses import replace

from shared.provider_kit.simulator.callbacks import milliseconds
from shared.providers.mpesa.simulator import ledger
from shared.providers.mpesa.simulator.ledger import Receipt
from shared.providers.mpesa.simulator.settings import MpesaSimulatorSettings
from shared.providers.mpesa.simulator.speaking import new_receipt
from shared.runtime.clock import Clock


class Vault:
    """Every method works within the caller's transaction. Customers may owe; organisations may not."""

    def __init__(self, settings: MpesaSimulatorSettings, clock: Clock) -> None:
        self._float_minor = settings.float_shillings * 100
        self._clock = clock

    def funds_minor(self, connection: sqlite3.Connection, shortcode: str) -> int:
        """What an organisation has: its float, what came in, less what went out."""
        return self._float_minor + ledger.moved_minor(connection, shortcode)

    def free_receipt(self, connection: sqlite3.Connection) -> str:
        """A number that neither money nor a payment in validation has."""
        while True:
            number = new_receipt(milliseconds(self._clock.now()))
            taken = ledger.receipt_with_number(connection, number) or ledger.till_payment(connection, number)
            if taken is None:
                return number

    def move(self, connection: sqlite3.Connection, draft: Receipt) -> Receipt:
        """Write the movement down now; a draft without a number gets one."""
        number = draft.receipt or self.free_receipt(connection)
        receipt = replace(draft, receipt=number, at_ms=milliseconds(self._clock.now()))
        ledger.insert(connection, receipt)
        return receipt
