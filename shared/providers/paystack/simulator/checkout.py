"""The page that ``authorization_url`` leads to: what a customer sees, and does."""

import sqlite3
from collections.abc import Mapping
from html import escape
from urllib.parse import urlencode

from shared.provider_kit.simulator import LedgerFile, SimulatedRequest, SimulatedResponse
from shared.providers.paystack.simulator import books
from shared.providers.paystack.simulator.books import TransactionRow
from shared.providers.paystack.simulator.exchange import form_of, invalid, not_found
from shared.providers.paystack.simulator.payments import Payments
from shared.providers.paystack.simulator.scenarios import TransactionStatus

# What a customer may do, and what their bank then says.
DECISIONS: Mapping[str, tuple[TransactionStatus, str]] = {
    "pay": (TransactionStatus.SUCCESS, "Approved"),
    "decline": (TransactionStatus.FAILED, "Declined"),
}
PAGE = """<!doctype html><title>Checkout</title><h1>{currency} {amount} minor units: {status}</h1>
<form method="post"><button name="decision" value="pay">Pay</button>
<button name="decision" value="decline">Be declined</button></form>"""


class Checkout:
    """``POST`` takes ``decision=pay`` or ``decision=decline`` as a form, and sends the browser back to the shop."""

    def __init__(self, file: LedgerFile, payments: Payments) -> None:
        self._file = file
        self._payments = payments

    def show(self, request: SimulatedRequest, placeholders: Mapping[str, str]) -> SimulatedResponse:  # noqa: ARG002 - as all routes
        with self._file.transaction() as connection:
            row = self._found(connection, placeholders["code"])
            self._payments.open_page(connection, row)
            return page_of(self._found(connection, placeholders["code"]))

    def decide(self, request: SimulatedRequest, placeholders: Mapping[str, str]) -> SimulatedResponse:
        decision = DECISIONS.get(form_of(request.body).get("decision", ""))
        if decision is None:
            raise invalid(f"decision is one of {', '.join(DECISIONS)}")
        with self._file.transaction() as connection:
            row = self._found(connection, placeholders["code"])
            decided = self._payments.act(connection, row, *decision)
        return sent_back(decided) if decided.callback_url else page_of(decided)

    @staticmethod
    def _found(connection: sqlite3.Connection, code: str) -> TransactionRow:
        row = books.transaction_where(connection, "access_code", code)
        if row is None:
            raise not_found("Page")
        return row


def page_of(row: TransactionRow) -> SimulatedResponse:
    shown = PAGE.format(currency=escape(row.currency), amount=row.amount, status=row.status)
    return SimulatedResponse(status=200, headers={"Content-Type": "text/html"}, body=shown.encode())


def sent_back(row: TransactionRow) -> SimulatedResponse:
    """To the shop, which is told which payment it was, and not what became of it."""
    url = row.callback_url or ""
    joined = "&" if "?" in url else "?"
    named = urlencode({"trxref": row.reference, "reference": row.reference})
    return SimulatedResponse(status=303, headers={"Location": f"{url}{joined}{named}"})
