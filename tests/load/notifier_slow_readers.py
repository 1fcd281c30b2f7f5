"""Sockets that never read, beside clients that do: memory stays bounded, and the clients wait for nobody.

python -m tests.load.notifier_slow_readers [--sockets 50] [--readers 50] [--seconds 60]
"""

import asyncio
import json
import select
import socket
import statistics
import threading
import time
from contextlib import suppress
from datetime import datetime

import click
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from shared.runtime.clock import SystemClock
from tests.load.notifier_stage import BEGINNING, Payments, Stage, stage
from tests.notifiers import NotifierInstance

MOST_MEGABYTES = 150
MOST_P99_SECONDS = 1.0
# A payment's event of some 25 kB: what is not read piles up fast.
LARGE = {f"key{number}": "x" * 500 for number in range(50)}
HISTORY = 100


class DeafSockets(threading.Thread):
    """So many at all times: one that is cut off comes back at once, and asks for everything again."""

    def __init__(self, stage: Stage, instance: NotifierInstance, sockets: int) -> None:
        super().__init__(name="deaf", daemon=True)
        self._stage, self._instance, self._sockets = stage, instance, sockets
        self._stopping = threading.Event()
        self.made = 0

    def run(self) -> None:
        poll = select.poll()
        held = dict(self._hold(poll) for _ in range(self._sockets))
        while not self._stopping.is_set():
            for number, _ in poll.poll(200):
                poll.unregister(number)
                held.pop(number).close()
                held.update([self._hold(poll)])
        for each in held.values():
            each.close()

    def stop(self) -> None:
        self._stopping.set()
        self.join(30)

    def _hold(self, poll: select.poll) -> tuple[int, socket.socket]:
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", self._instance.port))
        deaf.sendall(self._request())
        # Nothing is read; of its end the kernel tells all the same.
        poll.register(deaf, 0)
        self.made += 1
        return deaf.fileno(), deaf

    def _request(self) -> bytes:
        lines = (
            f"GET /ws/user/{self._stage.user_id}?after={BEGINNING} HTTP/1.1",
            "Host: notifier",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
            f"Authorization: Bearer {self._stage.token()}",
            "\r\n",
        )
        return "\r\n".join(lines).encode()


class Readers:
    """Clients that read at once; ``seconds`` is how long after it happened each frame has come."""

    def __init__(self, stage: Stage, instance: NotifierInstance, readers: int) -> None:
        self._stage, self._instance, self._readers = stage, instance, readers
        self._clock = SystemClock()
        self.seconds: list[float] = []
        self.lost = 0

    async def run(self, seconds: float, payments: Payments) -> None:
        tasks = [asyncio.create_task(self._read()) for _ in range(self._readers)]
        await asyncio.sleep(2)
        payments.start()
        await asyncio.sleep(seconds)
        await asyncio.to_thread(payments.stop)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self) -> None:
        url = f"{self._instance.ws_url}/ws/user/{self._stage.user_id}"
        headers = {"Authorization": f"Bearer {self._stage.token()}"}
        with suppress(WebSocketException):
            async with connect(url, additional_headers=headers, compression=None, proxy=None, open_timeout=30) as one:
                await one.recv()
                async for text in one:
                    self._note(str(text))
        self.lost += 1

    def _note(self, text: str) -> None:
        happened_at = datetime.fromisoformat(json.loads(text)["occurred_at"])
        self.seconds.append((self._clock.now() - happened_at).total_seconds())

    def percentiles(self) -> tuple[float, float]:
        """The median and the 99th."""
        slow = statistics.quantiles(self.seconds, n=100)
        return slow[49], slow[98]


@click.command()
@click.option("--sockets", default=50, show_default=True, help="That never read.")
@click.option("--readers", default=50, show_default=True)
@click.option("--seconds", default=60, show_default=True)
@click.option("--payments-per-second", default=3.0, show_default=True)
def main(sockets: int, readers: int, seconds: int, payments_per_second: float) -> None:
    """Bounded by the time; starts a private system of its own, and ends it."""
    many = str(2 * (sockets + readers) + 100)
    limits = {
        "MAX_CONNECTIONS_PER_ADDRESS": many,
        "MAX_CONNECTIONS_PER_MERCHANT": many,
        "MAX_HANDSHAKES": many,
    }
    with stage(1, **limits) as here:
        (instance,) = here.instances
        _make_history(here)
        deaf, listening = DeafSockets(here, instance, sockets), Readers(here, instance, readers)
        deaf.start()
        asyncio.run(listening.run(seconds, Payments(here, payments_per_second, LARGE)))
        deaf.stop()
        megabytes = instance.peak_megabytes()
        cut_off = instance.metric('gateway_websocket_closes_total{reason="too_slow"}')
    median, p99 = listening.percentiles()
    is_kept = megabytes < MOST_MEGABYTES and p99 < MOST_P99_SECONDS and not listening.lost
    # What was never in the way has proved nothing.
    is_kept = is_kept and cut_off >= sockets
    click.echo(
        f"notifier_slow_readers: {'kept' if is_kept else 'BROKEN'}: {sockets} sockets that never read"
        f" ({cut_off:.0f} times cut off), at most {megabytes:.0f} MB; {readers} readers,"
        f" {len(listening.seconds)} frames, {listening.lost} lost,"
        f" p50 {median * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms after it happened"
    )
    raise SystemExit(0 if is_kept else 1)


def _make_history(here: Stage) -> None:
    """What a socket that never reads asks for, again and again."""
    payments = Payments(here, 20, LARGE)
    payments.start()
    while len(payments.ids) < HISTORY:
        time.sleep(0.1)
    payments.stop()


if __name__ == "__main__":
    main()
