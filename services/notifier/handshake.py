"""The handshake: from a stranger's connection to a listener who may hear, or a refusal that says why."""

from collections.abc import Collection, Sequence

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from services.notifier.addresses import address_of
from services.notifier.admission import Admission
from services.notifier.asking import SUBPROTOCOL, asked_of, only
from services.notifier.connection import ListenerConnection, Visit
from services.notifier.places import Limit
from services.notifier.refusals import REFUSALS, OriginNotAllowed, problem_of, response_of
from services.notifier.replay import Replay
from services.notifier.settings import ANY_ORIGIN
from shared.domain.errors import FieldError
from shared.runtime.correlation import accept_request_id
from shared.runtime.metrics import WEBSOCKET_REFUSALS

log = structlog.get_logger()


class Handshake:
    """``origins``: the web pages that may connect; what sends no Origin is no web page."""

    def __init__(self, admission: Admission, replay: Replay, *, origins: Collection[str], trusted_proxies: int) -> None:
        self._admission, self._replay = admission, replay
        self._origins, self._trusted_proxies = origins, trusted_proxies

    async def __call__(self, connection: ServerConnection, request: Request) -> Response | None:
        """``None`` lets the connection go on. Nothing that is logged has the path: a ticket may be in it."""
        assert isinstance(connection, ListenerConnection)
        try:
            connection.visit = await self._let_in(connection, request)
        except REFUSALS as error:
            problem = problem_of(error)
            request_id = accept_request_id(next(iter(request.headers.get_all("Request-Id")), None))
            WEBSOCKET_REFUSALS.labels(code=problem.code).inc()
            log.info("socket.refused", status=problem.status, code=problem.code, request_id=request_id)
            return response_of(problem, request_id)
        return None

    async def _let_in(self, connection: ListenerConnection, request: Request) -> Visit:
        """From what costs nothing to what costs most. Raises ``Refusal``."""
        self._check_origin(only(request.headers, "Origin"))
        asked = asked_of(request)
        connection.seat.take(Limit.NOTIFIER)
        connection.seat.take(Limit.ADDRESS, self._address(connection, request))
        admitted = await self._admission.admit(asked)
        connection.seat.take(Limit.MERCHANT, admitted.merchant_id)
        return Visit(asked.channel, admitted, await self._replay.open(asked.channel, asked.place))

    def _check_origin(self, origin: str | None) -> None:
        if origin is not None and origin not in self._origins and ANY_ORIGIN not in self._origins:
            what_is_right = FieldError("Origin", "connect from an origin that is in ALLOWED_ORIGINS")
            raise OriginNotAllowed("Web pages of this origin may not connect.", what_is_right)

    def _address(self, connection: ListenerConnection, request: Request) -> str:
        peer = connection.remote_address
        forwarded = request.headers.get_all("X-Forwarded-For")
        return address_of(peer[0] if peer else "", forwarded, self._trusted_proxies)


def select_subprotocol(_connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """Ours, never the one that is a token."""
    return Subprotocol(SUBPROTOCOL) if SUBPROTOCOL in offered else None
