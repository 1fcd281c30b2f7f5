"""The WebSocket server: admits, then sends each listener what it has not seen, as fast as it reads."""

import asyncio
import json
from collections.abc import Sequence
from http import HTTPStatus
from weakref import WeakKeyDictionary

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Origin, Subprotocol

from services.notifier.admission import SUBPROTOCOL, Admission, channel_of
from services.notifier.hub import Hub, Subscription
from services.notifier.replay import Position, Replay
from services.notifier.settings import NotifierSettings
from shared.application.views import time_view
from shared.domain.errors import NotAuthenticated, NotFound
from shared.persistence.errors import StorageUnavailable
from shared.persistence.event_log import LoggedEvent
from shared.runtime.crash_points import reach
from shared.runtime.metrics import FRAMES_SENT, WEBSOCKETS_OPEN
from shared.runtime.problems import PROBLEM_JSON, Problem

# How often a listener that hears nothing reads all the same: heals a bell that was lost with the broker.
IDLE_SECONDS = 15.0

# A bell can ring before its event may be read: an older transaction is still open.
FIRST_LOOK_SECONDS = 0.05

log = structlog.get_logger()


class NotifierServer:
    def __init__(self, settings: NotifierSettings, hub: Hub, replay: Replay, admission: Admission) -> None:
        self._settings, self._hub, self._replay, self._admission = settings, hub, replay, admission
        # Where each admitted connection begins; forgotten with those whose handshake fails.
        self._starts: WeakKeyDictionary[ServerConnection, Position] = WeakKeyDictionary()

    async def start(self) -> Server:
        origins: Sequence[Origin | None] = [*(Origin(each) for each in self._settings.origins), None]
        return await serve(
            self._listen,
            self._settings.notifier_host,
            self._settings.notifier_port,
            process_request=self._process_request,
            select_subprotocol=_select_subprotocol,
            origins=origins,
            compression=None,
            max_size=4096,
            max_queue=4,
            write_limit=16_384,
            ping_interval=20,
            ping_timeout=20,
            open_timeout=10,
        )

    async def _process_request(self, connection: ServerConnection, request: Request) -> Response | None:
        """The handshake: ``None`` lets it go on."""
        if len(self._hub) >= self._settings.max_connections:
            full = Problem(status=503, code="too_many_connections", detail="Try again later.", retry_after_seconds=5)
            return _refusal(full)
        try:
            channel, after = channel_of(request.path)
            offered = _offered(request.headers)
            await self._admission.admit(channel, request.headers.get("Authorization"), offered)
            self._starts[connection] = await self._replay.start(channel, after)
        except NotAuthenticated as error:
            return _refusal(Problem(status=401, code=error.code, detail=error.detail))
        except NotFound as error:
            return _refusal(Problem(status=404, code=error.code, detail=error.detail))
        except ValueError as error:
            return _refusal(
                Problem(
                    status=422,
                    code="validation_failed",
                    detail="Some fields are not acceptable.",
                    errors=[("after", str(error))],
                )
            )
        except StorageUnavailable:
            away = Problem(status=503, code="unavailable", detail="Try again.", retry_after_seconds=2)
            return _refusal(away)
        return None

    async def _listen(self, connection: ServerConnection) -> None:
        request = connection.request
        assert request is not None
        channel, _ = channel_of(request.path)
        subscription = self._hub.subscribe(channel)
        WEBSOCKETS_OPEN.inc()
        pump = asyncio.create_task(self._pump(connection, subscription, self._starts.pop(connection)))
        try:
            async for _message in connection:
                """Clients have nothing to say here."""
        except ConnectionClosed:
            """They went."""
        finally:
            pump.cancel()
            self._hub.unsubscribe(subscription)
            WEBSOCKETS_OPEN.dec()

    async def _pump(self, connection: ServerConnection, subscription: Subscription, position: Position) -> None:
        rung = asyncio.Event()
        subscription.call_on_ring(rung.set)
        pause = IDLE_SECONDS
        while True:
            was_rung = subscription.answer()
            rung.clear()
            position, sent = await self._send_new(connection, subscription, position)
            if sent:
                continue
            pause = FIRST_LOOK_SECONDS if was_rung else min(pause * 2, IDLE_SECONDS)
            await _wait(rung, pause)

    async def _send_new(
        self, connection: ServerConnection, subscription: Subscription, position: Position
    ) -> tuple[Position, bool]:
        """Send what is new; whether there was anything. A listener that reads slowly waits here, alone."""
        try:
            events, position = await self._replay.read(subscription.channel, position)
        except StorageUnavailable:
            log.warning("notifier.database_away")
            await asyncio.sleep(1)
            return position, False
        for event in events:
            reach("notifier.before_send")
            try:
                await connection.send(frame(event))
            except ConnectionClosed:
                raise asyncio.CancelledError from None
            reach("notifier.after_send")
            FRAMES_SENT.labels(type=event.event_type).inc()
        return position, bool(events)


def frame(event: LoggedEvent) -> str:
    """One event as clients read it; ``sequence`` and ``cursor`` are for ``?after=``."""
    return json.dumps(
        {
            "id": str(event.id),
            "type": event.event_type,
            "sequence": event.sequence,
            "cursor": event.cursor,
            **_names(event),
            "occurred_at": time_view(event.occurred_at),
            "data": event.data,
        },
        separators=(",", ":"),
        ensure_ascii=False,
    )


def _names(event: LoggedEvent) -> dict[str, str]:
    """The id of the payment or payout that it is about, by name."""
    if event.payout_id is not None:
        return {"payout_id": str(event.payout_id)}
    return {"transaction_id": str(event.transaction_id)}


async def _wait(rung: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await rung.wait()
    except TimeoutError:
        """Time to look all the same."""


def _offered(headers: Headers) -> list[str]:
    return [
        each.strip() for line in headers.get_all("Sec-WebSocket-Protocol") for each in line.split(",") if each.strip()
    ]


def _select_subprotocol(_connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return Subprotocol(SUBPROTOCOL) if SUBPROTOCOL in offered else None


def _refusal(problem: Problem) -> Response:
    body = json.dumps(problem.body(None)).encode()
    headers = Headers({"Content-Type": PROBLEM_JSON, "Content-Length": str(len(body)), "Connection": "close"})
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if problem.retry_after_seconds is not None:
        headers["Retry-After"] = str(problem.retry_after_seconds)
    return Response(problem.status, HTTPStatus(problem.status).phrase, headers, body)
