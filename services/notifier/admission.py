"""Who may listen to what."""

import asyncio
from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from services.notifier.hub import Channel, ChannelKind
from shared.domain.errors import NotAuthenticated, NotFound
from shared.domain.ids import MerchantId, TransactionId
from shared.persistence.unit_of_work import UnitOfWorkFactory
from shared.runtime.access_tokens import AccessTokens, Principal, TokenRejected

# A browser cannot set headers on a WebSocket: it offers this subprotocol and, as another, its token.
SUBPROTOCOL = "gateway.v1"
TOKEN_PREFIX = "token."  # noqa: S105 - what stands in front of one

_SEES_COLLEAGUES = frozenset({"merchant_admin", "platform_admin"})
_PATHS = {"transaction": ChannelKind.TRANSACTION, "user": ChannelKind.USER}


def channel_of(path: str) -> tuple[Channel, str | None]:
    """The channel of ``/ws/transaction/{id}`` or ``/ws/user/{id}``, and ``?after=``. Raises ``NotFound``."""
    url = urlsplit(path)
    parts = url.path.split("/")
    if len(parts) != 4 or parts[:2] != ["", "ws"] or parts[2] not in _PATHS:
        raise NotFound("there is nothing here")
    try:
        channel = Channel(_PATHS[parts[2]], UUID(parts[3]))
    except ValueError:
        raise NotFound("there is no such channel") from None
    return channel, parse_qs(url.query).get("after", [None])[-1]


class Admission:
    def __init__(self, unit_of_work: UnitOfWorkFactory, tokens: AccessTokens) -> None:
        self._unit_of_work, self._tokens = unit_of_work, tokens

    async def admit(self, channel: Channel, authorization: str | None, subprotocols: Sequence[str]) -> None:
        """Return if this listener may hear ``channel``.

        Raises:
            NotAuthenticated: no token, or none that is valid.
            NotFound: there is no such channel, or it is not theirs: the answer is the same.
        """
        token = _token(authorization, subprotocols)
        if self._may_watch(channel, token):
            return
        try:
            principal = self._tokens.verify(token)
        except TokenRejected:
            raise NotAuthenticated("the token is not valid, or no longer") from None
        if not await asyncio.to_thread(self._may_hear, principal, channel):
            raise NotFound("there is no such channel")

    def _may_watch(self, channel: Channel, token: str) -> bool:
        """A payment's own client token opens that payment's channel, and no other."""
        try:
            grant = self._tokens.verify_watch(token)
        except TokenRejected:
            return False
        if channel != Channel(ChannelKind.TRANSACTION, grant.transaction_id):
            raise NotFound("there is no such channel")
        return True

    def _may_hear(self, principal: Principal, channel: Channel) -> bool:
        if principal.merchant_id is None or "payments:read" not in principal.scopes:
            return False
        merchant_id = MerchantId(principal.merchant_id)
        with self._unit_of_work() as work:
            if channel.kind is ChannelKind.TRANSACTION:
                return work.transactions.find(TransactionId(channel.id), merchant_id) is not None
            if channel.id == principal.user_id:
                return True
            return principal.role in _SEES_COLLEAGUES and work.accounts.belongs_to(channel.id, merchant_id)


def _token(authorization: str | None, subprotocols: Sequence[str]) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    offered = [each.removeprefix(TOKEN_PREFIX) for each in subprotocols if each.startswith(TOKEN_PREFIX)]
    if not offered:
        raise NotAuthenticated("send Authorization: Bearer <token>, or the subprotocols gateway.v1 and token.<token>")
    return offered[0]
