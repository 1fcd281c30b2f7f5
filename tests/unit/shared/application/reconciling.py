"""Our books in a test, compared with a provider's on the day after them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from shared.application.actor import process_actor
from shared.application.reconciliation_run import Reconcile
from shared.application.their_books import TheirBooks, Window
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.persistence.reconciliations import Reconciliation, ReconciliationItem
from shared.provider_kit.provider import GivesStatements, StatementLine
from tests.fakes.books import Books
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.makers import a_payment
from tests.fakes.statements import ScriptedBooks

WINDOW = Window(since=NOON - timedelta(days=1), until=NOON + timedelta(days=2))
AFTERWARDS = WINDOW.until + timedelta(hours=1)


def run_against(books: Books, *lines: StatementLine, page: int = 500, **books_facts: Any) -> Reconciliation:
    reconcile = Reconcile(books.unit_of_work, FakeClock(AFTERWARDS), page=page)
    return reconcile.run(their_books(ScriptedBooks(*lines, **books_facts)), WINDOW, process_actor("test"))


def their_books(statements: GivesStatements, **facts: Any) -> TheirBooks:
    return TheirBooks(provider="cpay", statements=statements, **facts)


def items_of(books: Books) -> Sequence[ReconciliationItem]:
    return list(books.database.committed.reconciliation_items.values())


def open_kinds(books: Books) -> list[str]:
    return sorted(item.found.kind.value for item in items_of(books) if item.is_open)


def completed(reference: str, **facts: Any) -> Transaction:
    return a_payment(status=TransactionStatus.COMPLETED, provider_transaction_id=reference, **facts)
