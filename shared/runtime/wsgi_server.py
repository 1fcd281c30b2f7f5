"""Serves a WSGI application with granian: several processes, a bounded number of threads each."""

import multiprocessing
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from shared.runtime.health import HealthServer
from shared.runtime.metrics import prepare_multiprocess


@dataclass(frozen=True, slots=True, kw_only=True)
class WsgiService:
    """``target`` names a function without arguments that builds the application: ``services.api.wsgi:create``.

    ``reads_itself``: it speaks granian's RSGI, reads each body itself, and has ``threads`` of its own.
    ``idle_seconds``: how long a connection may be silent, or take over the head of a request.
    """

    target: str
    host: str
    port: int
    workers: int
    threads: int
    reads_itself: bool = False
    idle_seconds: float = 30.0


def serve(service: WsgiService) -> None:
    """Until SIGTERM or SIGINT: then no new request is taken, and those under way are finished.

    The number of threads is said outright: granian's own default would open 256 database connections a worker.
    """
    # A fork of this process would copy the locks of its health thread, held or not: workers hung in libpq's connect.
    multiprocessing.set_start_method("spawn", force=True)
    Granian(
        service.target,
        address=service.host,
        port=service.port,
        interface=Interfaces.RSGI if service.reads_itself else Interfaces.WSGI,
        factory=True,
        # Where HTTP/2 is spoken too, a connection that says nothing is never closed: a thousand, and nobody is heard.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=round(service.idle_seconds * 1000)),
        workers=service.workers,
        blocking_threads=1 if service.reads_itself else service.threads,
        backlog=1024,
        # A connection that only waits for its body costs next to nothing where no thread waits with it.
        backpressure=1024 if service.reads_itself else 256,
        respawn_failed_workers=True,
        workers_kill_timeout=30,
        log_access=False,
        log_level=LogLevels.error,
    ).serve()


def check_listening(host: str, port: int) -> None:
    """Raises until a worker process has its socket open: the parent is up long before."""
    with socket.create_connection((host, port), timeout=1):
        """That is all."""


def share_metrics(folder: Path) -> None:
    """Let the worker processes count together; before the first of them starts."""
    prepare_multiprocess(folder)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


def serve_with_health(service: WsgiService, health: HealthServer) -> None:
    """As ``serve``, with the parent's private port beside it."""
    health.start()
    try:
        serve(service)
    finally:
        health.stop()
