"""What runs and what does not: one line per server and process."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from deploy.local.environment import health_port_name
from deploy.local.launch import running
from deploy.local.own_processes import readiness
from deploy.local.ports import HOST, is_free
from deploy.local.processes import ProcessSpec
from deploy.local.servers.addresses import SERVER_NAMES, why_not_ready
from deploy.local.servers.kinds import KINDS, chosen_kind
from deploy.local.site import Site
from deploy.local.waiting import in_parallel

READY = "ready"


@dataclass(frozen=True, slots=True)
class StatusLine:
    """One server or process: ``state`` is running, stopped, or foreign (somebody else's answers at its address)."""

    name: str
    kind: str
    state: str
    pid: int | None
    address: str
    readiness: str

    @property
    def is_fine(self) -> bool:
        return self.readiness == READY and (self.state == "running" or self.kind == "given")


def status_lines(site: Site, specs: Sequence[ProcessSpec]) -> list[StatusLine]:
    """Ask every server and process how it is, all at once."""
    servers = [partial(_server_line, site, name) for name in SERVER_NAMES]
    processes = [partial(_process_line, site, spec) for spec in specs]
    return in_parallel([*servers, *processes], threading.Event())


def _server_line(site: Site, name: str) -> StatusLine:
    kind = chosen_kind(site, name)
    server = KINDS[kind].address(site, name)
    pid = KINDS[kind].pid(site, name)
    reason = why_not_ready(server)
    state = "foreign" if kind == "given" else _state(pid, site.ports.remembered().get(name))
    return StatusLine(name, kind, state, pid, server.shown, READY if reason is None else reason)


def _process_line(site: Site, spec: ProcessSpec) -> StatusLine:
    identity = running(site.state, spec.name)
    pid = None if identity is None else identity.pid
    ports = site.ports.remembered()
    health = ports.get(health_port_name(spec.name))
    shown = ports.get(spec.name, health)
    reason = "-" if pid is None or health is None else readiness(health) or READY
    address = "-" if shown is None else f"http://{HOST}:{shown}"
    return StatusLine(spec.name, "process", _state(pid, shown), pid, address, reason)


def _state(pid: int | None, port: int | None) -> str:
    if pid is not None:
        return "running"
    return "stopped" if port is None or is_free(port) else "foreign"
