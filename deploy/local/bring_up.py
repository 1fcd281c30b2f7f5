"""One run that starts things, and remembers which, so that it can be undone."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

from deploy.local.environment import claim_ports
from deploy.local.errors import LocalError, StartFailed
from deploy.local.interrupts import signals_ignored
from deploy.local.launch import Started, already_started, running
from deploy.local.own_processes import is_current, start_process, wait_ready
from deploy.local.processes import ProcessSpec
from deploy.local.running import is_alive
from deploy.local.servers.kinds import KINDS
from deploy.local.site import Site
from deploy.local.stopping import clear_leftovers, stop_program
from deploy.local.take_down import stop_everything
from deploy.local.waiting import in_parallel


class BringUp:
    """Starts servers and processes, leaving alone what runs."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._servers: dict[str, str] = {}
        self._processes: list[str] = []
        self._lock = threading.Lock()

    def start_servers(self, kinds: Mapping[str, str]) -> None:
        """Start these servers (name to kind) at the same time; returns when all take logins."""
        in_parallel([partial(self._start_server, name, kind) for name, kind in kinds.items()], self._site.cancelled)

    @property
    def servers(self) -> Mapping[str, str]:
        """The servers this run started, each with its kind, which may be another than was asked for."""
        return self._servers

    def start_processes(self, specs: Iterable[ProcessSpec], known: Mapping[str, str]) -> None:
        """Start the processes that do not run, or run with other settings; returns when all are ready."""
        in_parallel([self._start_or_keep(spec, known) for spec in specs], self._site.cancelled)

    def undo(self) -> None:
        """Stop whatever this run started, and nothing else."""
        stop_everything(self._site, self._processes, self._servers)

    def _start_server(self, name: str, kind: str) -> None:
        try:
            self._start_server_as(name, kind)
        except LocalError as error:
            if kind != "docker" or self._site.settings.forced_kind or self._site.cancelled.is_set():
                raise
            self._site.report(f"{name}: Docker did not manage ({error}), starting a native one")
            KINDS[kind].stop(self._site, name)
            self._start_server_as(name, "native")

    def _start_server_as(self, name: str, kind: str) -> None:
        began = time.monotonic()
        server = KINDS[kind].start(self._site, name, partial(self._remember_server, kind=kind))
        verb = f"ready after {time.monotonic() - began:.1f} s" if name in self._servers else "already there"
        self._site.report(f"{name}: {verb} ({kind}, {server.shown})")

    def _remember_server(self, name: str, *, kind: str) -> None:
        with self._lock:
            self._servers[name] = kind

    def _start_or_keep(self, spec: ProcessSpec, known: Mapping[str, str]) -> Callable[[], None]:
        """Start the process unless it runs; the answer waits until it is ready."""
        found = already_started(self._site.state, spec.name) if is_current(self._site, spec, known) else None
        if found is not None:
            return partial(self._keep, spec, found, known)
        return partial(self._wait_ready, self._start_process(spec, known))

    def _keep(self, spec: ProcessSpec, found: Started, known: Mapping[str, str]) -> None:
        """Wait for a process that runs; one that turns out to be dying (just after a SIGKILL) is started again."""
        try:
            wait_ready(self._site, found)
        except StartFailed:
            if is_alive(found.identity):
                raise
            self._wait_ready(self._start_process(spec, known))

    def _start_process(self, spec: ProcessSpec, known: Mapping[str, str]) -> Started:
        if running(self._site.state, spec.name) is not None:
            self._site.report(f"{spec.name}: its settings changed, starting it again")
            stop_program(self._site.state, spec.name)
        clear_leftovers(self._site.state, spec.name)
        self._processes.append(spec.name)
        return start_process(self._site, spec, known)

    def _wait_ready(self, started: Started) -> None:
        began = time.monotonic()
        wait_ready(self._site, started)
        self._site.report(f"{started.name}: ready after {time.monotonic() - began:.1f} s")


@contextmanager
def undone_on_failure(site: Site) -> Iterator[BringUp]:
    """A run that is undone when it fails or is interrupted."""
    run = BringUp(site)
    try:
        yield run
    except BaseException:
        site.cancelled.set()
        with signals_ignored():
            site.report("stopping what this run started")
            run.undo()
        raise


def make_room(site: Site, specs: Sequence[ProcessSpec]) -> None:
    """Clear what killed processes left, then choose the ports of those that do not run."""
    stopped = [spec for spec in specs if running(site.state, spec.name) is None]
    for spec in stopped:
        clear_leftovers(site.state, spec.name)
    claim_ports(site, stopped)
