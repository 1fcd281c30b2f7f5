"""Watches one channel of the gateway's WebSockets: every frame, in order. Needs `pip install websockets`."""

import json
import random
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.sync.client import connect

LONGEST_PAUSE_SECONDS = 30.0

# Refusals that end by themselves, a proxy's too; of the others, each says in its body what is wrong.
PASSING = {429, 500, 502, 503, 504}


def watch(url: str, token: Callable[[], str]) -> Iterator[dict[str, Any]]:
    """Yield the frames of ``wss://…/ws/transaction/{id}`` or ``/ws/user/{id}`` for ever.

    ``token`` gives an access token that is good now; it is asked before each connection. After ``resync_required``
    forget what you know: the next frame begins anew. Raises ``InvalidStatus`` where trying again would not help.
    """
    place: dict[str, str] = {}
    failures = 0
    while True:
        pause = random.uniform(0, min(0.5 * 2**failures, LONGEST_PAUSE_SECONDS))
        failures += 1
        try:
            headers = {"Authorization": f"Bearer {token()}"}
            with connect(f"{url}?{urlencode(place)}", additional_headers=headers, compression=None) as socket:
                while True:
                    frame = json.loads(socket.recv())
                    failures = 0
                    yield frame
                    place = place_of(frame, "cursor" if "/ws/user/" in url else "sequence")
        except ConnectionClosed as closed:
            pause = asked_pause(closed, pause)
        except InvalidStatus as refused:
            if refused.response.status_code not in PASSING:
                raise
            pause = max(pause, asked_seconds(refused.response.headers.get("Retry-After", "")))
        except (OSError, WebSocketException):
            pass  # not there: it will be
        time.sleep(pause)


def place_of(frame: dict[str, Any], name: str) -> dict[str, str]:
    """Where the next connection goes on: behind this frame."""
    return {} if frame["type"] == "resync_required" else {"after": frame[name], "epoch": frame["epoch"]}


def asked_pause(closed: ConnectionClosed, pause: float) -> float:
    """A notifier that stops says when to come back, so that not all do at once."""
    try:
        return float(json.loads(closed.rcvd.reason)["reconnect_ms"]) / 1000 if closed.rcvd else pause
    except (ValueError, KeyError, TypeError):
        return pause  # an end that asks for none


def asked_seconds(retry_after: str) -> float:
    """What ``Retry-After`` says; a proxy may say a date there, which is as good as nothing."""
    return float(retry_after) if retry_after.isdecimal() else 0.0
