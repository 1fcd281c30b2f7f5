"""The proxy passes on, holds back and breaks off."""

import socket
from collections.abc import Iterator

import pytest

from tests.chaos.proxy import HOST, Proxy


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server((HOST, 0)) as listening:
        listening.settimeout(5)
        yield listening


@pytest.fixture
def proxy(server: socket.socket) -> Iterator[Proxy]:
    proxy = Proxy(server.getsockname()[1])
    yield proxy
    proxy.close()


def _connected(proxy: Proxy, server: socket.socket) -> tuple[socket.socket, socket.socket]:
    near = socket.create_connection((HOST, proxy.port), timeout=5)
    far, _ = server.accept()
    far.settimeout(5)
    return near, far


def test_what_is_sent_arrives(proxy: Proxy, server: socket.socket) -> None:
    near, far = _connected(proxy, server)
    with near, far:
        near.sendall(b"question")
        assert far.recv(100) == b"question"
        far.sendall(b"answer")
        assert near.recv(100) == b"answer"


def test_a_stalled_proxy_holds_back_until_it_is_healed(proxy: Proxy, server: socket.socket) -> None:
    near, far = _connected(proxy, server)
    with near, far:
        proxy.stall()
        near.sendall(b"late")
        far.settimeout(0.2)
        with pytest.raises(TimeoutError):
            far.recv(100)

        proxy.heal()
        far.settimeout(5)
        assert far.recv(100) == b"late"


def test_a_cut_proxy_resets_what_is_open_and_what_comes(proxy: Proxy, server: socket.socket) -> None:
    near, far = _connected(proxy, server)
    with near, far:
        proxy.cut()

        assert _is_over(near)
        assert _is_refused(proxy.port)


def _is_over(connection: socket.socket) -> bool:
    """Whether it ends without another byte, by a reset or in peace; a connection that stays open times out."""
    try:
        return connection.recv(100) == b""
    except ConnectionError:
        return True


def _is_refused(port: int) -> bool:
    """Whether a new connection is reset, while it is made (as may happen) or afterwards."""
    try:
        with socket.create_connection((HOST, port), timeout=5) as connection:
            return _is_over(connection)
    except ConnectionError:
        return True
