"""Merchants, users and API keys in memory."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from shared.domain.ids import MerchantId
from shared.persistence.accounts import Account, AccountRepository
from tests.fakes.persistence.columns import check, stored
from tests.fakes.persistence.session import Session
from tests.fakes.persistence.tables import ApiKeyRow, UserRow


class InMemoryAccounts(AccountRepository):
    def __init__(self, session: Session) -> None:
        self._session = session

    def find_by_email(self, email: str) -> Account | None:
        rows = self._session.rows.users.values()
        return next((row.account for row in rows if row.email == email.lower() and row.is_active), None)

    def find_by_api_key(self, api_key_id: str) -> Account | None:
        rows = self._session.rows
        key = rows.api_keys.get(api_key_id)
        owner = None if key is None or key.is_revoked else rows.users.get(key.user_id)
        if key is None or owner is None or not owner.is_active:
            return None
        merchant_id = None if key.merchant_id is None else MerchantId(key.merchant_id)
        return replace(owner.account, merchant_id=merchant_id, secret_hash=key.secret_hash)

    def belongs_to(self, user_id: UUID, merchant_id: MerchantId) -> bool:
        row = self._session.rows.users.get(user_id)
        return row is not None and row.account.merchant_id == merchant_id

    def has_merchant(self, merchant_id: MerchantId) -> bool:
        return merchant_id in self._session.rows.merchants

    def ensure_merchant(self, merchant_id: MerchantId, name: str, now: datetime) -> None:
        self._session.own_rows.merchants.setdefault(merchant_id, name)

    def ensure_user(self, account: Account, email: str, now: datetime) -> None:
        rows = self._session.own_rows.users
        others = {row.email for user_id, row in rows.items() if user_id != account.user_id}
        check(email.lower() not in others, "uq_users_email")
        known = rows.get(account.user_id, UserRow(account=stored(account), email=email.lower()))
        changed = replace(known.account, secret_hash=account.secret_hash, role=account.role)
        rows[account.user_id] = replace(known, account=changed)

    def ensure_api_key(self, api_key_id: str, account: Account, now: datetime) -> None:
        rows = self._session.own_rows
        check(account.merchant_id is not None, "nn_api_keys_merchant_id")
        check(account.user_id in rows.users, "fk_api_keys_user_id_users")
        new = ApiKeyRow(user_id=account.user_id, merchant_id=account.merchant_id, secret_hash=account.secret_hash)
        known = rows.api_keys.get(api_key_id, new)
        rows.api_keys[api_key_id] = replace(known, secret_hash=account.secret_hash)
