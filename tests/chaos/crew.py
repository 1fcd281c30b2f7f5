"""Keeps our processes running: whoever dies is started again at once, armed as it should be now."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.local.own_processes import readiness
from deploy.local.processes import SIMULATOR, ProcessSpec
from deploy.local.settings import CHECKOUT
from deploy.local.system import LocalSystem

READY_SECONDS = 60.0

_CRASHED = re.compile(r"^crash_point (\S+) pid (\d+)$", re.MULTILINE)


class CrewLost(Exception):
    """A process did not come back."""


@dataclass
class Member:
    """One process: what it is started with, and what became of it; ``crash_at`` gives ``CRASH_AT`` of each start."""

    spec: ProcessSpec
    variables: Mapping[str, str]
    log: Path
    extra: Mapping[str, str] = field(default_factory=dict)
    crash_at: Callable[[], str] = lambda: ""
    fresh: bool = False
    wanted: bool = False
    ordered: bool = False
    pid: int | None = None
    deaths: list[tuple[int, int]] = field(default_factory=list)
    log_mark: int = 0


class Crew:
    """All our processes but the simulator, in one nursery."""

    def __init__(self, local: LocalSystem) -> None:
        self._members = {
            spec.name: Member(spec, local.variables(spec.name), local.state.log(spec.name))
            for spec in local.specs
            if spec.name != SIMULATOR  # the oracle is never killed, and stays the launcher's
        }
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._nursery = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.nursery"],
            cwd=CHECKOUT,
            env=dict(local.settings.inherited),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name="nursery", daemon=True)
        self._reader.start()

    @property
    def names(self) -> list[str]:
        return list(self._members)

    def start_all(self) -> None:
        for name in self._members:
            self.start(name)
        self.wait_ready()

    def close(self) -> None:
        """End everything, and wait until it has ended."""
        with self._lock:
            for member in self._members.values():
                member.wanted = False
        assert self._nursery.stdin is not None
        self._nursery.stdin.close()
        try:
            self._nursery.wait(20)
        except subprocess.TimeoutExpired:
            self._nursery.kill()
            self._nursery.wait()

    def start(self, name: str) -> None:
        with self._lock:
            member = self._members[name]
            member.wanted = True
            if member.pid is None and not member.ordered:
                self._order(member)

    def stop(self, name: str) -> None:
        """End a process, and leave it so until ``start``."""
        with self._lock:
            self._members[name].wanted = False
        self.kill(name)

    def kill(self, name: str) -> bool:
        """SIGKILL it with all its own processes; it comes back if it is wanted. ``False``: it was not there."""
        with self._lock:
            pid = self._members[name].pid
        if pid is None:
            return False
        self.signal(name, signal.SIGKILL)
        self._wait(lambda: self._members[name].pid != pid, f"{name} does not die")
        return True

    def _ask_to_end(self, name: str) -> None:
        with self._lock:
            member = self._members[name]
            pid = member.pid
            if pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
        self._wait(lambda: member.pid != pid, f"{name} does not end")

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a process and to all of its own."""
        with self._lock:
            pid = self._members[name].pid
            if pid is not None:
                _signal_session(pid, number)

    def change(
        self,
        name: str,
        *,
        extra: Mapping[str, str] | None = None,
        crash_at: Callable[[], str] = lambda: "",
        fresh: bool = False,
        politely: bool = False,
    ) -> None:
        """Start it again, armed or told otherwise; without arguments it is as the product ships it.

        ``politely``: what runs may finish what it has in hand; else it is killed.
        """
        with self._lock:
            member = self._members[name]
            member.extra, member.crash_at, member.fresh = extra or {}, crash_at, fresh
            member.log_mark = member.log.stat().st_size if member.log.exists() else 0
            member.deaths.clear()
        if politely:
            self._ask_to_end(name)
        self.kill(name)

    def crashes(self, name: str, point: str) -> int:
        """How often it died at ``point`` since its last ``change``: it said so, and the process that said it is dead.

        A process that is not one of granian's workers must also have been buried, killed by SIGKILL.
        """
        with self._lock:
            member = self._members[name]
            told = self._told(member)
            buried = {pid for pid, number in member.deaths if number == signal.SIGKILL}
            has_workers = name in {"api", "webhook-ingest"}
        dead = [pid for at, pid in told if at == point and (pid in buried or (has_workers and _is_gone(pid)))]
        return len(dead)

    def wait_ready(self, *names: str) -> None:
        """Wait until these (or all) say that they can work."""
        for name in names or self.names:
            self._wait(lambda name=name: self._is_ready(name), f"{name} does not get ready")  # type: ignore[misc] # bound now

    def pid(self, name: str) -> int | None:
        with self._lock:
            return self._members[name].pid

    def _is_ready(self, name: str) -> bool:
        member = self._members[name]
        return member.pid is not None and readiness(int(member.variables["HEALTH_PORT"])) is None

    def _wait(self, until: Callable[[], bool], problem: str) -> None:
        give_up_at = time.monotonic() + READY_SECONDS
        while not until():
            if time.monotonic() > give_up_at:
                raise CrewLost(problem)
            time.sleep(0.05)

    def _told(self, member: Member) -> list[tuple[str, int]]:
        if not member.log.exists():
            return []
        with member.log.open(encoding="utf-8", errors="replace") as log:
            log.seek(member.log_mark)
            return [(point, int(pid)) for point, pid in _CRASHED.findall(log.read())]

    def _order(self, member: Member) -> None:
        crash_at = member.crash_at()
        armed = {"CRASH_AT": crash_at} if crash_at else {}
        module, *arguments = member.spec.arguments[1:]
        order = {
            "name": member.spec.name,
            "module": module,
            "arguments": arguments,
            "variables": {**member.variables, **member.extra, **armed},
            "log": str(member.log),
            "fresh": member.fresh,
        }
        member.ordered = True
        assert self._nursery.stdin is not None
        self._nursery.stdin.write(json.dumps(order).encode() + b"\n")
        self._nursery.stdin.flush()

    def _read(self) -> None:
        assert self._nursery.stdout is not None
        for line in self._nursery.stdout:
            with self._changed:
                self._note(json.loads(line))
                self._changed.notify_all()

    def _note(self, fact: Mapping[str, Any]) -> None:
        member = self._members.get(fact.get("name", ""))
        if member is None:
            return
        if "started" in fact:
            member.pid, member.ordered = fact["started"], False
            return
        member.deaths.append((fact["ended"], fact["signal"]))
        member.pid = None
        if member.wanted and fact["signal"] == signal.SIGKILL:
            self._order(member)
        elif member.wanted:
            # It ended by itself: granian after two quick crashes, or a wrong setting. A pause, as a supervisor makes.
            threading.Timer(0.5, self.start, [member.spec.name]).start()


def counts(seed: int, point: str, least: int, most: int) -> Callable[[], str]:
    """``CRASH_AT`` for one start after another, each with its own count from a seeded sequence."""
    chosen = random.Random(f"{seed} {point}")
    return lambda: f"{point}:{chosen.randint(least, most)}"


def _signal_session(leader: int, number: signal.Signals) -> None:
    """Also where it has just died by itself, or has only just been forked and leads no session yet."""
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        with suppress(ProcessLookupError):
            os.kill(leader, number)


def _is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state in "ZX"
