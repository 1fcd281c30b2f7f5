"""What happens to payments: on a page, on a phone, and afterwards."""

import secrets
import sqlite3
from dataclasses import replace

from shared.provider_kit.simulator.callbacks import milliseconds
from shared.providers.paystack.simulator import books
from shared.providers.paystack.simulator.books import Change, TransactionRow
from shared.providers.paystack.simulator.exchange import PaymentAsked, invalid
from shared.providers.paystack.simulator.scenarios import (
    PAYABLE,
    TAKEN,
    UNDECIDED,
    Answering,
    Channel,
    Scenario,
    Telling,
    TransactionStatus,
)
from shared.providers.paystack.simulator.settings import PaystackSimulatorSettings
from shared.providers.paystack.simulator.telling import Teller
from shared.runtime.clock import Clock

FIRST_STATUS = {Channel.CARD: TransactionStatus.ABANDONED, Channel.MOBILE_MONEY: TransactionStatus.PENDING}
Begun = tuple[TransactionRow, tuple[int, ...]]


class Payments:
    """Every method works within the caller's transaction."""

    def __init__(self, settings: PaystackSimulatorSettings, clock: Clock, teller: Teller) -> None:
        self._settings = settings
        self._clock = clock
        self._teller = teller

    def begin(self, connection: sqlite3.Connection, asked: PaymentAsked, channel: Channel, scenario: Scenario) -> Begun:
        """A new payment, and the callbacks that are to reach the receiver before the answer does.

        Raises:
            Refused: 400, the reference is taken.
        """
        check_is_new(connection, asked.reference)
        row = books.insert_transaction(
            connection,
            TransactionRow(
                reference=asked.reference,
                access_code=secrets.token_hex(8),
                amount=asked.amount,
                currency=asked.currency,
                status=FIRST_STATUS[channel],
                channel=channel,
                email=asked.email,
                metadata=asked.metadata,
                callback_url=asked.callback_url,
                scenario=scenario,
                created_at_ms=self._now_ms(),
            ),
        )
        return self._decide(connection, row)

    def open_page(self, connection: sqlite3.Connection, row: TransactionRow) -> None:
        """The customer looks at the page."""
        if row.status is TransactionStatus.ABANDONED:
            books.save_transaction(connection, replace(row, status=TransactionStatus.ONGOING))

    def act(
        self, connection: sqlite3.Connection, row: TransactionRow, status: TransactionStatus, words: str
    ) -> TransactionRow:
        """What the customer does at the page.

        Raises:
            Refused: 400, it has been paid.
        """
        if row.status not in PAYABLE:
            raise invalid("This transaction has been completed", "transaction_completed")
        return self.move(connection, row, status, words)

    def apply(self, connection: sqlite3.Connection, change: Change) -> None:
        """What was due; of a payment that has been decided meanwhile, nothing is."""
        row = books.transaction_where(connection, "id", change.subject_id)
        if row is not None and row.status in UNDECIDED:
            self.move(connection, row, TransactionStatus(change.status), change.words)

    def move(
        self, connection: sqlite3.Connection, row: TransactionRow, status: TransactionStatus, words: str
    ) -> TransactionRow:
        """Change a payment's state, and tell."""
        moved, _ = self._move(connection, row, status, words)
        return moved

    def _decide(self, connection: sqlite3.Connection, row: TransactionRow) -> Begun:
        scenario = row.scenario
        is_by_phone = row.channel is Channel.MOBILE_MONEY
        if scenario.ends_as is None or not (self._settings.auto_pay or is_by_phone):
            return row, ()
        if scenario.answering is Answering.DECLINE_AT_ONCE and is_by_phone:
            return self._move(connection, row, scenario.ends_as, scenario.words)
        if scenario.telling is Telling.EARLY:
            return self._move(connection, row, scenario.ends_as, scenario.words, is_ahead=True)
        change = Change(kind="transaction", subject_id=row.id, status=scenario.ends_as, words=scenario.words)
        books.schedule(connection, change, row.created_at_ms + self._settings.delay_ms)
        return row, ()

    def _move(
        self,
        connection: sqlite3.Connection,
        row: TransactionRow,
        status: TransactionStatus,
        words: str,
        *,
        is_ahead: bool = False,
    ) -> Begun:
        paid_at_ms = (row.paid_at_ms or self._now_ms()) if status in TAKEN else row.paid_at_ms
        moved = replace(row, status=status, gateway_response=words, paid_at_ms=paid_at_ms)
        books.save_transaction(connection, moved)
        told = self._teller.tell_transaction(connection, moved, is_ahead=is_ahead)
        return moved, told if is_ahead else ()

    def _now_ms(self) -> int:
        return milliseconds(self._clock.now())


def check_is_new(connection: sqlite3.Connection, reference: str) -> None:
    if books.transaction_where(connection, "reference", reference) is not None:
        raise invalid("Duplicate Transaction Reference", "duplicate_reference")
