"""Merchants, their users and their API keys."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from shared.domain.ids import MerchantId, UserId
from shared.persistence.tables import api_keys, merchants, users


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who may sign in: a user, by password or by the secret of one of their API keys.

    ``merchant_id`` is ``None`` for the platform's own people.
    """

    user_id: UserId
    merchant_id: MerchantId | None
    role: str
    secret_hash: str


class AccountRepository:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find_by_email(self, email: str) -> Account | None:
        """The active user with this address; letters' case does not matter."""
        row = self._connection.execute(
            select(users).where(users.c.email == email.lower(), users.c.is_active)
        ).one_or_none()
        if row is None:
            return None
        merchant_id = None if row.merchant_id is None else MerchantId(row.merchant_id)
        return Account(user_id=UserId(row.id), merchant_id=merchant_id, role=row.role, secret_hash=row.password_hash)

    def find_by_api_key(self, api_key_id: str) -> Account | None:
        """The active owner of a key that has not been revoked."""
        statement = (
            select(users.c.id, users.c.role, api_keys.c.merchant_id, api_keys.c.secret_hash)
            .join(api_keys, api_keys.c.user_id == users.c.id)
            .where(api_keys.c.id == api_key_id, api_keys.c.revoked_at.is_(None), users.c.is_active)
        )
        row = self._connection.execute(statement).one_or_none()
        if row is None:
            return None
        return Account(
            user_id=UserId(row.id), merchant_id=MerchantId(row.merchant_id), role=row.role, secret_hash=row.secret_hash
        )

    def belongs_to(self, user_id: UUID, merchant_id: MerchantId) -> bool:
        """Whether there is such a user of this merchant."""
        statement = select(users.c.id).where(users.c.id == user_id, users.c.merchant_id == merchant_id)
        return self._connection.execute(statement).one_or_none() is not None

    def has_merchant(self, merchant_id: MerchantId) -> bool:
        statement = select(merchants.c.id).where(merchants.c.id == merchant_id)
        return self._connection.execute(statement).one_or_none() is not None

    def ensure_merchant(self, merchant_id: MerchantId, name: str, now: datetime) -> None:
        """Add it unless it is there."""
        statement = insert(merchants).values(id=merchant_id, name=name, created_at=now)
        self._connection.execute(statement.on_conflict_do_nothing())

    def ensure_user(self, account: Account, email: str, now: datetime) -> None:
        """Add the user unless they are there; a new password replaces the old one."""
        statement = insert(users).values(
            id=account.user_id,
            merchant_id=account.merchant_id,
            email=email.lower(),
            password_hash=account.secret_hash,
            role=account.role,
            created_at=now,
        )
        changed = {"password_hash": account.secret_hash, "role": account.role}
        self._connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changed))

    def ensure_api_key(self, api_key_id: str, account: Account, now: datetime) -> None:
        """Add the key unless it is there; a new secret replaces the old one."""
        statement = insert(api_keys).values(
            id=api_key_id,
            merchant_id=account.merchant_id,
            user_id=account.user_id,
            secret_hash=account.secret_hash,
            created_at=now,
        )
        changed = {"secret_hash": account.secret_hash}
        self._connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changed))
