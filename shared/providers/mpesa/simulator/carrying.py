"""Carrying commands out: whether the rules allow it, the money that it moves, and what its result tells."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from shared.provider_kit.simulator.callbacks import milliseconds
from shared.providers.mpesa.simulator import ledger
from shared.providers.mpesa.simulator.bodies import (
    Parameter,
    b2c_parameters,
    balance_parameters,
    customer_named,
    organization_named,
    reversal_parameters,
    status_parameters,
)
from shared.providers.mpesa.simulator.ledger import Command, Receipt, State
from shared.providers.mpesa.simulator.money import Vault
from shared.providers.mpesa.simulator.scenarios import SUCCESS, Api
from shared.runtime.clock import Clock

LEAST_B2C_MINOR = 10_00
MOST_B2C_MINOR = 250_000_00

NO_FUNDS, TOO_SMALL, TOO_LARGE = "1", "2", "3"
ALREADY_REVERSED, NO_SUCH_RECEIPT = "R000001", "R000002"

Carried = tuple[Command, Sequence[Parameter]]
Carry = Callable[[sqlite3.Connection, Command], Carried]


class Carrier:
    """Every method works within the caller's transaction, and answers with the settled command."""

    def __init__(self, vault: Vault, clock: Clock) -> None:
        self._vault = vault
        self._clock = clock
        self._carries: Mapping[Api, Carry] = {
            Api.B2C: self._send,
            Api.REVERSAL: self._reverse,
            Api.STATUS: self._tell_status,
            Api.BALANCE: self._tell_balance,
        }

    def carry(self, connection: sqlite3.Connection, command: Command) -> Carried:
        """The settled command, and its result's parameters; none if it was declined."""
        if command.ends_as != SUCCESS:
            return declined(command, command.ends_as)
        return self._carries[command.api](connection, command)

    def _send(self, connection: sqlite3.Connection, command: Command) -> Carried:
        if command.amount_minor < LEAST_B2C_MINOR:
            return declined(command, TOO_SMALL)
        if command.amount_minor > MOST_B2C_MINOR:
            return declined(command, TOO_LARGE)
        if command.amount_minor > self._vault.funds_minor(connection, command.shortcode):
            return declined(command, NO_FUNDS)
        settled = self._moved(connection, command)
        funds_minor = self._vault.funds_minor(connection, command.shortcode)
        return settled, b2c_parameters(settled, funds_minor, self._now_ms())

    def _reverse(self, connection: sqlite3.Connection, command: Command) -> Carried:
        original = ledger.receipt_with_number(connection, command.asked_about)
        is_ours = original is not None and original.payee == command.shortcode
        if original is None or not is_ours or command.amount_minor > original.amount_minor:
            return declined(command, NO_SUCH_RECEIPT)
        if ledger.is_reversed(connection, original.receipt):
            return declined(command, ALREADY_REVERSED)
        if command.amount_minor > self._vault.funds_minor(connection, command.shortcode):
            return declined(command, NO_FUNDS)
        known = replace(command, phone=original.phone, about=original.reference)
        settled = self._moved(connection, known, original.receipt)
        funds_minor = self._vault.funds_minor(connection, command.shortcode)
        return settled, reversal_parameters(settled, funds_minor, self._now_ms())

    def _moved(self, connection: sqlite3.Connection, command: Command, original: str | None = None) -> Command:
        draft = Receipt(
            receipt="",
            kind=command.api,
            payer=command.shortcode,
            payee=command.phone,
            amount_minor=command.amount_minor,
            reference=command.reference,
            phone=command.phone,
            conversation_id=command.conversation_id,
            original_receipt=original,
            at_ms=0,
        )
        receipt = self._vault.move(connection, draft)
        return replace(command, state=State.COMPLETED, result_code=SUCCESS, receipt=receipt.receipt)

    def _tell_balance(self, connection: sqlite3.Connection, command: Command) -> Carried:
        funds_minor = self._vault.funds_minor(connection, command.shortcode)
        return answered(command), balance_parameters(funds_minor, self._now_ms())

    def _tell_status(self, connection: sqlite3.Connection, command: Command) -> Carried:
        receipt = ledger.receipt_with_number(connection, command.asked_about)
        found = ledger.command_conversing_as(
            connection, (receipt.conversation_id or "") if receipt else command.asked_about
        )
        if receipt is None and found is None:
            return declined(command, NO_SUCH_RECEIPT)
        receipt = receipt or ledger.receipt_with_number(connection, (found.receipt if found else None) or "")
        about = found or standing_for(receipt, command)
        payer, payee = (receipt.payer, receipt.payee) if receipt else (about.shortcode, about.phone)
        return answered(command), status_parameters((party(payer), party(payee)), about, receipt)

    def _now_ms(self) -> int:
        return milliseconds(self._clock.now())


def declined(command: Command, result_code: str) -> Carried:
    return replace(command, state=State.DECLINED, result_code=result_code), ()


def answered(command: Command) -> Command:
    return replace(command, state=State.COMPLETED, result_code=SUCCESS)


def standing_for(receipt: Receipt | None, asked: Command) -> Command:
    """A customer's payment, as if it had been a command: the result has the same fields for both."""
    assert receipt is not None
    return replace(
        answered(asked),
        amount_minor=receipt.amount_minor,
        created_at_ms=receipt.at_ms,
        receipt=receipt.receipt,
    )


def party(account: str) -> str:
    """A customer by the phone, an organisation by the shortcode."""
    return customer_named(account) if account.startswith("254") and len(account) == 12 else organization_named(account)
