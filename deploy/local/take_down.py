"""Stopping things together: first our processes, then the servers they use."""

import threading
from collections.abc import Iterable, Mapping
from functools import partial

from deploy.local.servers.kinds import KINDS
from deploy.local.servers.native import NATIVE_SERVERS
from deploy.local.site import Site
from deploy.local.state_folder import StateFolder
from deploy.local.stopping import stop_program
from deploy.local.waiting import in_parallel


def stop_everything(site: Site, processes: Iterable[str], servers: Mapping[str, str]) -> None:
    """Stop these processes, then these servers (name to kind), each group at the same time."""
    never = threading.Event()
    in_parallel([partial(_stop_process, site, name) for name in processes], never)
    in_parallel([partial(_stop_server, site, name, kind) for name, kind in servers.items()], never)


def started_processes(state: StateFolder) -> list[str]:
    """Every process of ours that has a pid file, also one that the table no longer knows."""
    companions = [companion for server in NATIVE_SERVERS.values() for companion in server.companions]
    names = [path.stem for path in sorted(state.pid_file("any").parent.glob("*.json"))]
    return [name for name in names if name not in NATIVE_SERVERS and name not in companions]


def _stop_process(site: Site, name: str) -> None:
    if stop_program(site.state, name):
        site.report(f"{name}: stopped")


def _stop_server(site: Site, name: str, kind: str) -> None:
    if KINDS[kind].stop(site, name):
        site.report(f"{name}: stopped")
