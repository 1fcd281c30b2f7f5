"""The notifier over fakes: the real server on a real socket, over a database in memory and without a broker."""

import asyncio
import json
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import SecretStr
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from services.notifier.admission import Admission
from services.notifier.handshake import Handshake
from services.notifier.hub import Hub
from services.notifier.pump import Pump
from services.notifier.replay import Replay
from services.notifier.server import NotifierServer
from services.notifier.settings import NotifierSettings
from shared.domain.channel import Channel, ChannelKind
from shared.domain.ids import MerchantId
from shared.domain.outcome import Outcome
from shared.domain.transaction import Transaction
from shared.persistence.accounts import Account
from shared.runtime.access_tokens import AccessTokens, Principal
from tests.fakes.books import Books
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.makers import MERCHANT, USER, a_context
from tests.fakes.ws_tickets import InMemoryTickets

KEY = "kX9vQ2mT7pL4wR8zB3nC6yF1hJ5dG0sA"
Json = dict[str, Any]
ValueT = TypeVar("ValueT")


def notifier_settings(**changes: Any) -> NotifierSettings:
    given: Json = {
        "environment": "sandbox",
        "health_port": 1,
        "notifier_port": 0,
        "jwt_secret_key": SecretStr(KEY),
        "database_url": "postgresql://nowhere/x",
        "amqp_url": SecretStr("amqp://nowhere"),
        "redis_url": SecretStr("redis://nowhere"),
        "reconnect_seconds": 0.5,
    }
    return NotifierSettings(**(given | changes))


class NotifierOnFakes:
    """Its event loop runs in a thread of its own; what is asked of it is asked there."""

    def __init__(self, **settings: Any) -> None:
        self.books, self.clock = Books(), FakeClock()
        self.tokens, self.tickets = AccessTokens(KEY, self.clock), InMemoryTickets(self.clock)
        self.hub, self.loop = Hub(), asyncio.new_event_loop()
        given = notifier_settings(**settings)
        session = timedelta(seconds=given.ticket_session_seconds)
        admission = Admission(self.books.unit_of_work, self.tokens, self.tickets, self.clock, session)
        self.replay = Replay(self.books.unit_of_work, self.clock, restores=given.event_log_restores)
        handshake = Handshake(admission, self.replay, origins=given.origins, trusted_proxies=given.trusted_proxies)
        self.server = NotifierServer(given, self.hub, handshake, Pump(self.replay, given.write_seconds), self.clock)
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self) -> "NotifierOnFakes":
        self._thread.start()
        self.do(self.server.start())
        return self

    def __exit__(self, *_error: object) -> None:
        self.do(self.server.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()

    def do(self, work: Coroutine[Any, Any, ValueT]) -> ValueT:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def apply(self, payment: Transaction, *outcomes: Outcome) -> None:
        """Something happens to the payment, and the broker says so."""
        for outcome in outcomes:
            self.books.apply(payment, outcome, context=a_context())
            self.loop.call_soon_threadsafe(self.hub.happened, self.books.announced[-1])

    def add_user(self, user_id: Any, merchant_id: MerchantId = MERCHANT) -> None:
        account = Account(user_id=user_id, merchant_id=merchant_id, role="developer", secret_hash="x")
        self.books.do(lambda work: work.accounts.ensure_user(account, f"{user_id}@gateway.example", NOON))

    def token(self, role: str = "developer", merchant_id: MerchantId | None = MERCHANT) -> str:
        principal = Principal(user_id=USER, merchant_id=merchant_id, role=role, scopes=frozenset({"payments:read"}))
        return self.tokens.issue(principal)

    @contextmanager
    def listening(
        self,
        channel: Channel,
        query: str = "",
        *,
        token: str | None = None,
        headers: Sequence[tuple[str, str]] = (),
        offered: Sequence[str] = (),
    ) -> Iterator[ClientConnection]:
        """A client of the channel; with ``query`` without ``ticket=`` it brings an access token."""
        brought = [] if "ticket=" in query or offered else [("Authorization", f"Bearer {token or self.token()}")]
        url = f"ws://127.0.0.1:{self.server.port}{channel.path}{query}"
        subprotocols = [Subprotocol(each) for each in offered] or None
        with connect(
            url, additional_headers=[*brought, *headers], subprotocols=subprotocols, proxy=None, compression=None
        ) as socket:
            yield socket


def of_payment(payment: Transaction) -> Channel:
    return Channel(ChannelKind.TRANSACTION, payment.id)


OF_USER = Channel(ChannelKind.USER, USER)


def next_frame(socket: ClientConnection) -> Json:
    frame: Json = json.loads(socket.recv(timeout=10))
    return frame
