"""Another merchant in the same system, of whom nobody else may hear anything."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import create_engine

from shared.domain.ids import MerchantId, UserId
from shared.persistence.accounts import Account, AccountRepository
from shared.runtime.crypto import PasswordHasher


def another_merchant(environment: Mapping[str, str]) -> dict[str, str]:
    """Written into the database by its owner; ``API_KEY_ID`` and ``API_KEY_SECRET`` are theirs."""
    merchant, user, secret, now = MerchantId(uuid4()), UserId(uuid4()), uuid4().hex, datetime.now(UTC)
    account = Account(user_id=user, merchant_id=merchant, role="developer", secret_hash=PasswordHasher().hash(secret))
    key_id = f"gwk_{merchant.hex}"
    engine = create_engine(environment["DATABASE_OWNER_URL"].replace("postgresql://", "postgresql+psycopg2://", 1))
    with engine.begin() as connection:
        accounts = AccountRepository(connection)
        accounts.ensure_merchant(merchant, "Another Merchant", now)
        accounts.ensure_user(account, f"{user}@another.example", now)
        accounts.ensure_api_key(key_id, account, now)
    engine.dispose()
    return {"API_KEY_ID": key_id, "API_KEY_SECRET": secret}
