"""A simulator for a provider's tests: without a network, with a clock that they move and a process they restart."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl

from shared.provider_kit.simulator.environment import CallbackAnswer, CallbackPost, Simulator, SimulatorEnvironment
from shared.provider_kit.simulator.exchange import SimulatedRequest, SimulatedResponse


class MovedClock:
    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def pass_time(self, **duration: float) -> None:
        """As ``timedelta`` takes it: ``minutes=2``."""
        self._now += timedelta(**duration)


class PlayedSimulator:
    """``restart`` is a new process on the old folder; ``receiver`` gets the callbacks."""

    def __init__(
        self,
        build: Callable[[SimulatorEnvironment], Simulator],
        folder: Path,
        settings: Mapping[str, str],
        receiver: CallbackPost,
        start: datetime,
    ) -> None:
        self.clock, self.folder = MovedClock(start), folder
        self.receiver, self._posted = receiver, 0
        environment = SimulatorEnvironment(folder=folder, settings=settings, clock=self.clock, post=self._counted)
        self._build = partial(build, environment)
        self.simulator = self._build()

    def _counted(self, url: str, headers: Mapping[str, str], body: bytes) -> CallbackAnswer | None:
        self._posted += 1
        return self.receiver(url, headers, body)

    def restart(self) -> Self:
        self.simulator.close()
        self.simulator = self._build()
        return self

    def respond(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"", *, near: bool = True
    ) -> SimulatedResponse:
        """``path`` may have a query; ``near``: it comes from this machine."""
        path, _, query = path.partition("?")
        return self.simulator.respond(
            SimulatedRequest(
                method=method,
                path=path,
                query=dict(parse_qsl(query)),
                headers=headers,
                body=body,
                from_loopback=near,
            )
        )

    def pass_time(self, **duration: float) -> None:
        """Let time pass, and everything that falls due in it happen and be over."""
        self.clock.pass_time(**duration)
        self.settle()

    def settle(self) -> None:
        """Let everything that is due happen, and what follows from it."""
        before = -1
        while before != self._posted:
            before = self._posted
            self.simulator.tick()
            self.restart()
