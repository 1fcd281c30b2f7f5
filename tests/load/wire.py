"""Sends prebuilt HTTP requests over raw sockets from a process of its own: what is measured shares nothing with it."""

import asyncio
import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from multiprocessing.connection import Connection

ANSWER_SECONDS = 10.0
READY_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """``requests`` are sent in turn, and then again from the first. ``per_second``: ``None`` is as fast as the answers
    come. ``sources``: the addresses of this machine that they come from, with so many ``lines`` (connections) each.
    """

    port: int
    requests: Sequence[bytes]
    per_second: float | None
    lines: int
    sources: Sequence[str] = ("127.0.0.1",)


@dataclass
class Told:
    """What became of them. ``answers``: which request, its status (0: no answer), and the seconds from when it was due,
    so that what waited for a free line counts. ``unsent`` were due, and no line was free to the end.
    """

    answers: list[tuple[int, int, float]] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    unsent: int = 0

    @property
    def statuses(self) -> Mapping[int, int]:
        return dict(sorted(Counter(status for _, status, _ in self.answers).items()))

    @property
    def cpu_share(self) -> float:
        """Of one processor, that the sending took; near 1 it was the sender that was too slow."""
        return self.cpu_seconds / self.seconds if self.seconds else 0.0

    @property
    def per_second(self) -> float:
        """Answered, whatever the answer was."""
        return sum(status != 0 for _, status, _ in self.answers) / self.seconds if self.seconds else 0.0

    def seconds_of(self, status: int) -> list[float]:
        return [seconds for _, answered, seconds in self.answers if answered == status]


@contextmanager
def sending(plan: Plan) -> Iterator[Told]:
    """From the beginning of the block to its end, after which the value that is given is filled in."""
    told = Told()
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(target=_run, args=(plan, theirs), daemon=True)
    child.start()
    theirs.close()
    try:
        if not ours.poll(READY_SECONDS):
            raise TimeoutError("the sending process did not start")
        ours.recv()
        yield told
        ours.send("over")
        told.__dict__.update(ours.recv().__dict__)
    finally:
        ours.close()
        child.join(ANSWER_SECONDS)
        child.kill()
        child.join()


def post(path: str, headers: Mapping[str, str], body: str) -> bytes:
    """A request as it goes over the wire."""
    told = {"Host": "127.0.0.1", "Content-Length": str(len(body.encode())), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n{body}".encode()


def _run(plan: Plan, parent: Connection) -> None:
    parent.send("ready")
    with suppress(EOFError):  # the parent has gone
        parent.send(asyncio.run(_Sending(plan).until_over(parent)))


class _Sending:
    def __init__(self, plan: Plan) -> None:
        self._plan, self._told = plan, Told()
        # What is due and has no line yet; without a rate, as much as there are lines.
        self._due: asyncio.Queue[tuple[int, float | None]] = asyncio.Queue(0 if plan.per_second else 1)

    async def until_over(self, parent: Connection) -> Told:
        began, worked, over = time.monotonic(), time.process_time(), asyncio.Event()
        asyncio.get_running_loop().add_reader(parent.fileno(), over.set)
        lines = [
            asyncio.create_task(self._line(_Line(self._plan.port, source)))
            for source in self._plan.sources
            for _ in range(self._plan.lines)
        ]
        pacing = asyncio.create_task(self._paced())
        await over.wait()
        pacing.cancel()
        self._told.seconds, self._told.cpu_seconds = time.monotonic() - began, time.process_time() - worked
        self._told.unsent = self._due.qsize() if self._plan.per_second else 0
        for line in lines:
            line.cancel()
        await asyncio.gather(pacing, *lines, return_exceptions=True)
        return self._told

    async def _paced(self) -> None:
        began = time.monotonic()
        for number in count():
            if self._plan.per_second is None:
                await self._due.put((number, None))
                continue
            due = began + number / self._plan.per_second
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self._due.put_nowait((number, due))

    async def _line(self, line: "_Line") -> None:
        while True:
            number, due = await self._due.get()
            began = time.monotonic() if due is None else due
            status = await line.ask(self._plan.requests[number % len(self._plan.requests)])
            self._told.answers.append((number, status, time.monotonic() - began))


class _Line:
    """A connection, and the next one where the other side closes it."""

    def __init__(self, port: int, source: str) -> None:
        self._port, self._source = port, source
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> int:
        """The status; 0 where nothing came."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._answer(request)
        except (OSError, EOFError, TimeoutError):
            self._close()
            return 0

    async def _answer(self, request: bytes) -> int:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, local_addr=(self._source, 0))
        reader, writer = self._streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        await reader.readexactly(int(fields.get("content-length", "0")))
        if fields.get("connection") == "close":
            self._close()
        return int(head.split(" ", 2)[1])

    def _close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
