"""Nobody waits longer for PostgreSQL than he is told to, not even for a server that says nothing at all."""

import socket
from collections.abc import Iterator

import psycopg2
import pytest
from psycopg2 import extensions

from shared.persistence.patience import give_up_after


@pytest.fixture
def impatient() -> Iterator[None]:
    give_up_after(0.1)
    yield
    extensions.set_wait_callback(None)


@pytest.mark.usefixtures("impatient")
def test_a_server_that_takes_a_connection_and_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host, port = silent.getsockname()

        with pytest.raises(psycopg2.OperationalError, match=r"no answer within 0\.1 s"):
            psycopg2.connect(host=host, port=port, dbname="x", user="x", password="x", sslmode="disable")
