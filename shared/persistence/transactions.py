"""Stores payments; the only module that reads and writes their rows."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    String,
    bindparam,
    cast,
    func,
    insert,
    select,
    union_all,
    update,
)

from shared.domain.customer import Customer
from shared.domain.failure import FailureCode
from shared.domain.ids import MerchantId, TransactionId, UserId
from shared.domain.money import Money, exponent_of
from shared.domain.transaction import CaptureMethod, Failure, PaymentSource, Transaction
from shared.domain.transaction_status import UNFINISHED, TransactionStatus
from shared.persistence.newest_first import Narrowing, NewestFirst
from shared.persistence.tables import transactions


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionFilter(Narrowing):
    """What a list of payments is narrowed to."""

    provider: str | None = None
    status: TransactionStatus | None = None
    customer_id: str | None = None
    idempotency_key: str | None = None


class TransactionRepository:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, transaction: Transaction) -> None:
        columns = {
            "id": transaction.id,
            "merchant_id": transaction.merchant_id,
            "user_id": transaction.user_id,
            "idempotency_key": transaction.idempotency_key,
            "provider": transaction.provider,
            "amount_minor": transaction.amount.amount_minor_units,
            "currency": transaction.amount.currency,
            "currency_exponent": exponent_of(transaction.amount.currency),
            "customer": asdict(transaction.customer),
            "customer_id": transaction.customer_id,
            "metadata_": dict(transaction.metadata),
            "payment_method_token": transaction.payment_method_token,
            "return_url": transaction.return_url,
            "capture_method": transaction.capture_method,
            "source": transaction.source,
            "created_at": transaction.created_at,
        }
        self._connection.execute(insert(transactions), columns | _changing_columns(transaction))

    def save(self, transaction: Transaction) -> None:
        """Write what can change. The caller holds the row's lock."""
        statement = update(transactions).where(transactions.c.id == bindparam("saved_id"))
        self._connection.execute(statement, {"saved_id": transaction.id, **_changing_columns(transaction)})

    def find(self, transaction_id: TransactionId, merchant_id: MerchantId | None = None) -> Transaction | None:
        """The payment, or ``None`` also where it is another merchant's."""
        return self._one(_by_id(transaction_id, merchant_id))

    def status_of(self, transaction_id: TransactionId) -> TransactionStatus | None:
        """Nothing but the status: for those who look often."""
        statement = select(transactions.c.status).where(transactions.c.id == transaction_id)
        status: str | None = self._connection.execute(statement).scalar_one_or_none()
        return None if status is None else TransactionStatus(status)

    def lock(self, transaction_id: TransactionId, merchant_id: MerchantId | None = None) -> Transaction | None:
        """The payment, with its row locked until the transaction ends."""
        return self._one(_by_id(transaction_id, merchant_id).with_for_update())

    def lock_by_reference(self, provider: str, provider_transaction_id: str) -> Transaction | None:
        statement = select(transactions).where(
            transactions.c.provider == provider, transactions.c.provider_transaction_id == provider_transaction_id
        )
        return self._one(statement.with_for_update())

    def find_by_receipt(self, provider: str, receipt: str) -> Transaction | None:
        return self._one(
            select(transactions).where(transactions.c.provider == provider, transactions.c.provider_receipt == receipt)
        )

    def is_known_by(self, provider: str, receipt: str, *, besides: TransactionId) -> bool:
        """Whether another payment has this as its receipt, or as its reference."""
        others = select(transactions.c.id).where(transactions.c.provider == provider, transactions.c.id != besides)
        by_receipt = others.where(transactions.c.provider_receipt == receipt)
        by_reference = others.where(transactions.c.provider_transaction_id == receipt)
        return self._connection.execute(union_all(by_receipt, by_reference).limit(1)).first() is not None

    def lock_without_receipt(self, provider: str, short: str, amount: Money) -> Transaction | None:
        """The payment of just this amount that has this short reference, and no receipt yet."""
        statement = select(transactions).where(
            short_reference_column() == short.lower(),
            transactions.c.provider == provider,
            transactions.c.provider_receipt.is_(None),
            transactions.c.amount_minor == amount.amount_minor_units,
            transactions.c.currency == amount.currency,
        )
        return self._one(statement.with_for_update())

    def list_newest_first(
        self,
        narrowed_to: TransactionFilter,
        *,
        limit: int,
        offset: int = 0,
        before: TransactionId | None = None,
        after: TransactionId | None = None,
    ) -> Sequence[Transaction]:
        """Up to ``limit`` payments, newest first: those older than ``after``, or newer than ``before``."""
        rows = NewestFirst(self._connection, transactions).page(
            narrowed_to, limit=limit, offset=offset, before=before, after=after
        )
        return [_transaction(row) for row in rows]

    def count(self, narrowed_to: TransactionFilter) -> int:
        return NewestFirst(self._connection, transactions).count(narrowed_to)

    def count_by_status(self, merchant_id: MerchantId | None) -> dict[tuple[str, TransactionStatus], int]:
        """How many payments each provider has in each status; of all merchants where ``merchant_id`` is ``None``."""
        statement = select(transactions.c.provider, transactions.c.status, func.count()).group_by(
            transactions.c.provider, transactions.c.status
        )
        if merchant_id is not None:
            statement = statement.where(transactions.c.merchant_id == merchant_id)
        rows = self._connection.execute(statement)
        return {(provider, TransactionStatus(status)): total for provider, status, total in rows}

    def claim_due_checks(self, now: datetime, until: datetime, limit: int) -> Sequence[Transaction]:
        """Up to ``limit`` payments whose check is due, put off to ``until`` so that no other sweep takes them.

        Mostly unfinished ones; of a finished one a check is due where the provider's books contradict ours.
        """
        due = (
            select(transactions.c.id)
            .where(transactions.c.next_check_at <= now)
            .order_by(transactions.c.next_check_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        claimed = update(transactions).where(transactions.c.id.in_(due)).values(next_check_at=until)
        return [_transaction(row) for row in self._connection.execute(claimed.returning(transactions))]

    def in_review(self, limit: int) -> Sequence[Transaction]:
        """What somebody must look at, of all merchants, the oldest first."""
        waiting = select(transactions).where(transactions.c.review_since.is_not(None))
        return self._all(waiting.order_by(transactions.c.review_since).limit(limit))

    def unfinished(self, after: UUID, limit: int) -> Sequence[Transaction]:
        """Up to ``limit`` unfinished payments with ids behind ``after``, in their order."""
        statement = select(transactions).where(transactions.c.status.in_(sorted(UNFINISHED)), transactions.c.id > after)
        return self._all(statement.order_by(transactions.c.id).limit(limit))

    def _one(self, statement: Select[tuple[object, ...]]) -> Transaction | None:
        row = self._connection.execute(statement).one_or_none()
        return None if row is None else _transaction(row)

    def _all(self, statement: Select[tuple[object, ...]]) -> list[Transaction]:
        return [_transaction(row) for row in self._connection.execute(statement)]


def short_reference_column() -> ColumnElement[str]:
    """As ``ids.short_reference`` makes it, in lower case; an index finds it."""
    return func.right(cast(transactions.c.id, String), 12, type_=String)


def _by_id(transaction_id: TransactionId, merchant_id: MerchantId | None) -> Select[tuple[object, ...]]:
    statement = select(transactions).where(transactions.c.id == transaction_id)
    return statement if merchant_id is None else statement.where(transactions.c.merchant_id == merchant_id)


def _changing_columns(transaction: Transaction) -> dict[str, object]:
    return {
        "status": transaction.status,
        "provider_config_id": transaction.provider_config_id,
        "payment_method": transaction.payment_method,
        "provider_transaction_id": transaction.provider_transaction_id,
        "provider_receipt": transaction.provider_receipt,
        "provider_response": dict(transaction.provider_response),
        "next_action": None if transaction.next_action is None else dict(transaction.next_action),
        "failure": None if transaction.failure is None else asdict(transaction.failure),
        "authorized_minor": transaction.authorized.amount_minor_units,
        "capture_pending_minor": transaction.capture_pending.amount_minor_units,
        "captured_minor": transaction.captured.amount_minor_units,
        "refunded_minor": transaction.refunded.amount_minor_units,
        "refund_pending_minor": transaction.refund_pending.amount_minor_units,
        "late": transaction.late,
        "version": transaction.version,
        "expires_at": transaction.expires_at,
        "next_check_at": transaction.next_check_at,
        "checks_made": transaction.checks_made,
        "review_since": transaction.review_since,
        "cancel_requested_at": transaction.cancel_requested_at,
        "updated_at": transaction.updated_at,
    }


def failure_from(stored: dict[str, str] | None) -> Failure | None:
    return None if stored is None else Failure(**{**stored, "code": FailureCode(stored["code"])})  # type: ignore[arg-type] # JSON of a Failure


def _transaction(row: Row[tuple[object, ...]]) -> Transaction:
    column = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping

    def money(name: str) -> Money:
        return Money(column[name], column["currency"])

    return Transaction(
        id=TransactionId(column["id"]),
        merchant_id=MerchantId(column["merchant_id"]),
        user_id=None if column["user_id"] is None else UserId(column["user_id"]),
        idempotency_key=column["idempotency_key"],
        provider=column["provider"],
        provider_config_id=column["provider_config_id"],
        amount=money("amount_minor"),
        status=TransactionStatus(column["status"]),
        customer=Customer(**column["customer"]),
        customer_id=column["customer_id"],
        payment_method=column["payment_method"],
        metadata=column["metadata"],
        authorized=money("authorized_minor"),
        capture_pending=money("capture_pending_minor"),
        captured=money("captured_minor"),
        refunded=money("refunded_minor"),
        refund_pending=money("refund_pending_minor"),
        version=column["version"],
        expires_at=column["expires_at"],
        created_at=column["created_at"],
        updated_at=column["updated_at"],
        capture_method=CaptureMethod(column["capture_method"]),
        source=PaymentSource(column["source"]),
        payment_method_token=column["payment_method_token"],
        return_url=column["return_url"],
        provider_transaction_id=column["provider_transaction_id"],
        provider_receipt=column["provider_receipt"],
        provider_response=column["provider_response"],
        next_action=column["next_action"],
        failure=failure_from(column["failure"]),
        late=column["late"],
        next_check_at=column["next_check_at"],
        checks_made=column["checks_made"],
        review_since=column["review_since"],
        cancel_requested_at=column["cancel_requested_at"],
    )
