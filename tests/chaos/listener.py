"""A client that listens to everything by WebSocket, and resumes where it was whenever the connection breaks."""

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from tests.chaos.merchant import Json, Merchant

# Before the first event of all.
BEGINNING = f"0.{UUID(int=0)}"

# Told of every event that is heard for the first time.
OnEvent = Callable[[Json], None]


class Listener:
    """``heard`` holds the ids of all events that have come, once or more often."""

    def __init__(self, ws_url: str, merchant: Merchant, on_event: OnEvent) -> None:
        self._ws_url, self._merchant, self._on_event = ws_url, merchant, on_event
        self._cursor = BEGINNING
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)
        self.heard: set[str] = set()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._stopping.is_set():
            with suppress(OSError, WebSocketException, TimeoutError):
                self._listen()
            self._stopping.wait(0.2)

    def _listen(self) -> None:
        url = f"{self._ws_url}/ws/user/{self._merchant.user_id}?after={self._cursor}"
        headers = {"Authorization": f"Bearer {self._merchant.token}"}
        with connect(url, additional_headers=headers, compression=None, proxy=None, open_timeout=5) as socket:
            while not self._stopping.is_set():
                with suppress(TimeoutError):
                    self._take(json.loads(socket.recv(timeout=0.5)))

    def _take(self, frame: Json) -> None:
        self._cursor = frame["cursor"]
        if frame["id"] not in self.heard:
            self.heard.add(frame["id"])
            self._on_event(frame)
