"""Access tokens (JWT, HMAC-SHA256): who may do what for at most 15 minutes, and who may watch one payment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt

from shared.runtime.clock import Clock
from shared.runtime.identifiers import new_id

ISSUER = "payment-gateway"
API_AUDIENCE = "payment-gateway/api"
WATCH_AUDIENCE = "payment-gateway/watch"

ACCESS_LIFETIME = timedelta(minutes=15)

# A customer may look at the page of a payment long after it was made.
WATCH_LIFETIME = timedelta(hours=24)

_ALGORITHM = "HS256"
_REQUIRED = ["iss", "aud", "sub", "exp", "iat", "jti"]


class TokenRejected(Exception):
    """Not one of our tokens, or not for this, or no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is asking. ``merchant_id`` is ``None`` for those of the platform who belong to no merchant."""

    user_id: UUID
    merchant_id: UUID | None
    role: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchGrant:
    """The right to watch one payment until ``expires_at``, and nothing else."""

    transaction_id: UUID
    expires_at: datetime


class AccessTokens:
    """Issues and checks tokens. All are signed with one key, told apart by their audience."""

    def __init__(self, secret_key: str, clock: Clock) -> None:
        self._key, self._clock = secret_key, clock

    def issue(self, principal: Principal) -> str:
        """Good for 15 minutes, for the API and for WebSockets."""
        now = self._clock.now()
        claims = {
            "aud": API_AUDIENCE,
            "sub": str(principal.user_id),
            "jti": str(new_id()),
            "merchant": None if principal.merchant_id is None else str(principal.merchant_id),
            "role": principal.role,
            "scope": " ".join(sorted(principal.scopes)),
        }
        return self._signed(claims, now, ACCESS_LIFETIME)

    def issue_watch(self, transaction_id: UUID, created_at: datetime) -> str:
        """Good for 24 hours from ``created_at``. The same payment always gets the same token, so none is stored."""
        claims = {"aud": WATCH_AUDIENCE, "sub": str(transaction_id), "jti": str(transaction_id)}
        return self._signed(claims, created_at, WATCH_LIFETIME)

    def verify(self, token: str) -> Principal:
        """Raises ``TokenRejected``."""
        return self.verify_session(token)[0]

    def verify_session(self, token: str) -> tuple[Principal, datetime]:
        """Who it is, and until when the token is good. Raises ``TokenRejected``."""
        claims = self._claims(token, API_AUDIENCE, ACCESS_LIFETIME)
        try:
            principal = Principal(
                user_id=UUID(claims["sub"]),
                merchant_id=None if claims["merchant"] is None else UUID(claims["merchant"]),
                role=str(claims["role"]),
                scopes=frozenset(str(claims["scope"]).split()),
            )
            return principal, _end(claims)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise TokenRejected("claims") from error

    def verify_watch(self, token: str) -> WatchGrant:
        """Raises ``TokenRejected``."""
        claims = self._claims(token, WATCH_AUDIENCE, WATCH_LIFETIME)
        try:
            return WatchGrant(transaction_id=UUID(claims["sub"]), expires_at=_end(claims))
        except (ValueError, TypeError, AttributeError) as error:
            raise TokenRejected("claims") from error

    def _signed(self, claims: Mapping[str, object], issued_at: datetime, lifetime: timedelta) -> str:
        times = {"iss": ISSUER, "iat": int(issued_at.timestamp()), "exp": int((issued_at + lifetime).timestamp())}
        return jwt.encode({**times, **claims}, self._key, algorithm=_ALGORITHM)

    def _claims(self, token: str, audience: str, lifetime: timedelta) -> dict[str, Any]:
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                audience=audience,
                issuer=ISSUER,
                options={"require": _REQUIRED, "strict_aud": True, "verify_exp": False, "verify_iat": False},
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise TokenRejected(type(error).__name__) from error
        self._check_times(claims, lifetime)
        return claims

    def _check_times(self, claims: dict[str, Any], lifetime: timedelta) -> None:
        """By our clock, and never for longer than we issue: PyJWT accepts a token that expires in ten years."""
        issued, expires, now = claims["iat"], claims["exp"], self._clock.now().timestamp()
        if not all(type(moment) is int for moment in (issued, expires)):
            raise TokenRejected("times")
        if not issued - 60 <= now < expires or expires - issued > lifetime.total_seconds():
            raise TokenRejected("expired")


def _end(claims: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(claims["exp"], UTC)
