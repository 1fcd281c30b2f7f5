"""Exchanges an API key, or a user's password, for an access token."""

import hashlib
import hmac
import os
import threading
from dataclasses import dataclass

from services.api.auth import ROLES
from shared.domain.errors import NotAuthenticated
from shared.persistence.accounts import Account
from shared.persistence.unit_of_work import UnitOfWorkFactory
from shared.runtime.access_tokens import ACCESS_LIFETIME, AccessTokens, Principal
from shared.runtime.crypto import PasswordHasher


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    access_token: str
    expires_in: int
    principal: Principal


class SignIn:
    def __init__(self, unit_of_work: UnitOfWorkFactory, hasher: PasswordHasher, tokens: AccessTokens) -> None:
        self._unit_of_work, self._hasher, self._tokens = unit_of_work, hasher, tokens
        # Argon2 takes 64 MiB a time: no more of them at once than there are cores to compute them.
        self._places = threading.BoundedSemaphore(max(2, os.cpu_count() or 2))
        self._verified: dict[str, bytes] = {}
        self._salt = os.urandom(32)

    def by_api_key(self, api_key_id: str, secret: str) -> SignedIn:
        """Raises ``NotAuthenticated``."""
        with self._unit_of_work() as work:
            account = work.accounts.find_by_api_key(api_key_id)
        return self._signed_in(account, secret)

    def by_password(self, email: str, password: str) -> SignedIn:
        """Raises ``NotAuthenticated``."""
        with self._unit_of_work() as work:
            account = work.accounts.find_by_email(email)
        return self._signed_in(account, password)

    def _signed_in(self, account: Account | None, secret: str) -> SignedIn:
        if not self._matches(account, secret) or account is None:
            raise NotAuthenticated("These credentials are not known.")
        principal = Principal(
            user_id=account.user_id,
            merchant_id=account.merchant_id,
            role=account.role,
            scopes=ROLES.get(account.role, frozenset()),
        )
        expires_in = int(ACCESS_LIFETIME.total_seconds())
        return SignedIn(access_token=self._tokens.issue(principal), expires_in=expires_in, principal=principal)

    def _matches(self, account: Account | None, secret: str) -> bool:
        """An unknown account takes as long as a known one; a secret that was right before is recognised at once."""
        stored = None if account is None else account.secret_hash
        digest = hmac.digest(self._salt, secret.encode("utf-8", "surrogatepass"), hashlib.sha256)
        if stored is not None and hmac.compare_digest(self._verified.get(stored, b""), digest):
            return True
        with self._places:
            matches = self._hasher.verify(stored, secret)
        if matches and stored is not None:
            self._verified = {**self._verified, stored: digest} if len(self._verified) < 1000 else {stored: digest}
        return matches
