"""Bounds how long this process waits for PostgreSQL: also for a server that is frozen, and answers nothing at all."""

import select
import time
from functools import partial

import psycopg2
from psycopg2 import extensions

_READINESS = {extensions.POLL_READ: select.POLLIN, extensions.POLL_WRITE: select.POLLOUT}


def give_up_after(seconds: float) -> None:
    """From now on, every wait of this process for an answer (a connection's too) ends after ``seconds``.

    ``statement_timeout`` and ``connect_timeout`` need a server, or a network, that still says something. Where the time
    is up ``OperationalError`` is raised and the connection is closed; whether a COMMIT was carried out is not known.
    """
    extensions.set_wait_callback(partial(_wait, seconds=seconds))


def _wait(connection: extensions.connection, *, seconds: float) -> None:
    give_up_at = time.monotonic() + seconds
    while (wanted := connection.poll()) != extensions.POLL_OK:
        ready = select.poll()
        ready.register(connection.fileno(), _READINESS[wanted])
        if not ready.poll(max(0, (give_up_at - time.monotonic()) * 1000)):
            raise psycopg2.OperationalError(f"no answer within {seconds:g} s")
