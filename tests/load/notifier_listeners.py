"""Clients that come back whenever their connection breaks, and note what they have seen."""

import asyncio
import json
import random
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from urllib.parse import urlencode
from uuid import UUID

import httpx2
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus, WebSocketException

from tests.e2e.journey import Json
from tests.load.notifier_stage import BEGINNING, Stage

LONGEST_PAUSE_SECONDS = 0.5

# Asked for until there is a payment to follow.
NOBODYS = UUID(int=0)


class Listener(ABC):
    """``uses_tickets``: each connection with a new ticket from the API, else with an access token."""

    def __init__(self, stage: Stage, *, uses_tickets: bool) -> None:
        self.stage, self._uses_tickets = stage, uses_tickets
        self.connections = 0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            with suppress(OSError, WebSocketException, httpx2.HTTPError):
                await self._listen()
            await asyncio.sleep(random.uniform(0, LONGEST_PAUSE_SECONDS))

    async def _listen(self) -> None:
        channel, place = self.where()
        query, headers = await self._credential(channel)
        path = f"/ws/{'user' if 'user_id' in channel else 'transaction'}/{next(iter(channel.values()))}"
        url = f"{random.choice(self.stage.instances).ws_url}{path}?{urlencode({**place, **query})}"
        async with connect(url, additional_headers=headers, compression=None, proxy=None, open_timeout=10) as socket:
            self.connections += 1
            async for text in socket:
                if self.take(json.loads(text)):
                    return

    async def _credential(self, channel: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
        """Query and headers."""
        if self._uses_tickets:
            return {"ticket": await asyncio.to_thread(self.stage.ticket, channel)}, {}
        return {}, {"Authorization": f"Bearer {self.stage.token()}"}

    @abstractmethod
    def where(self) -> tuple[dict[str, str], dict[str, str]]:
        """The channel, and the place behind which to go on."""

    @abstractmethod
    def take(self, frame: Json) -> bool:
        """Note it; whether to listen elsewhere now."""


class FeedListener(Listener):
    """Hears everything that its user has started."""

    def __init__(self, stage: Stage, *, uses_tickets: bool) -> None:
        super().__init__(stage, uses_tickets=uses_tickets)
        self.seen: list[str] = []
        self._place = {"after": BEGINNING}
        self._came = asyncio.Event()

    async def has_seen(self, events: int) -> None:
        """Wait until it has seen so many."""
        while len(set(self.seen)) < events:
            self._came.clear()
            await self._came.wait()

    def where(self) -> tuple[dict[str, str], dict[str, str]]:
        return {"user_id": str(self.stage.user_id)}, self._place

    def take(self, frame: Json) -> bool:
        self.seen.append(frame["id"])
        self._place = {"after": frame["cursor"], "epoch": frame["epoch"]}
        self._came.set()
        return False


class PaymentListener(Listener):
    """Follows one payment from its first event to its last, and then another. ``ids`` grows meanwhile."""

    def __init__(self, stage: Stage, ids: Sequence[str], *, uses_tickets: bool) -> None:
        super().__init__(stage, uses_tickets=uses_tickets)
        self._ids, self._place = ids, {"after": "0"}
        self._payment_id = ""
        self.seen: dict[str, list[str]] = {}

    def where(self) -> tuple[dict[str, str], dict[str, str]]:
        if not self._payment_id and self._ids:
            # One of the newest: there is more to come of it.
            self._payment_id, self._place = random.choice(self._ids[-3:]), {"after": "0"}
            self.seen[self._payment_id] = []
        return {"transaction_id": self._payment_id or str(NOBODYS)}, self._place

    def take(self, frame: Json) -> bool:
        self.seen[self._payment_id].append(frame["id"])
        self._place = {"after": str(frame["sequence"]), "epoch": frame["epoch"]}
        is_over: bool = frame["type"] == "payment.completed"
        if is_over:
            self._payment_id = ""
        return is_over


class Intruder:
    """Somebody of another merchant, who tries the channels of ours all the time."""

    def __init__(self, stage: Stage, ids: Sequence[str], merchant_id: UUID) -> None:
        self._stage, self._ids, self._merchant_id = stage, ids, merchant_id
        self.refused = 0
        self.frames = 0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            with suppress(OSError, WebSocketException):
                await self._try()
            await asyncio.sleep(0.1)

    async def _try(self) -> None:
        paths = [f"/ws/user/{self._stage.user_id}", *(f"/ws/transaction/{each}" for each in self._ids[-1:])]
        headers = {"Authorization": f"Bearer {self._stage.token(self._merchant_id)}"}
        url = f"{random.choice(self._stage.instances).ws_url}{random.choice(paths)}"
        try:
            async with connect(url, additional_headers=headers, compression=None, proxy=None) as socket:
                async for _ in socket:
                    self.frames += 1
        except InvalidStatus as refused:
            self.refused += refused.response.status_code == 404
