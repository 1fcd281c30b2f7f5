"""Which port each server and process listens on: chosen once, remembered in ``ports.json``."""

import random
import socket
import threading
import time
from collections.abc import Mapping

from deploy.local.errors import LocalError
from deploy.local.state_folder import StateFolder, read_json, write_json

HOST = "127.0.0.1"
# Below the ports that Linux (32768) and macOS (49152) hand out to clients: a stopped server finds its port free.
CANDIDATES = range(20_000, 30_000)
GRACE_SECONDS = 1.0


class Ports:
    """The remembered ports of one state folder."""

    def __init__(self, folder: StateFolder) -> None:
        self._path = folder.ports
        self._chosen = {name: int(port) for name, port in read_json(self._path).items() if port.isdigit()}
        self._lock = threading.Lock()

    def remembered(self) -> Mapping[str, int]:
        return dict(self._chosen)

    def of(self, name: str) -> int:
        """The port of ``name``, whoever listens there now; chosen on first use."""
        return self._chosen.get(name) or self.claim(name)

    def claim(self, name: str) -> int:
        """The port on which ``name`` is about to listen: the remembered one unless somebody else took it."""
        with self._lock:
            remembered = self._chosen.get(name)
            if remembered is None or not _becomes_free(remembered):
                self._remember(name, self._unused())
            return self._chosen[name]

    def _remember(self, name: str, port: int) -> None:
        self._chosen[name] = port
        write_json(self._path, self._chosen)

    def _unused(self) -> int:
        taken = set(self._chosen.values())
        for port in random.sample(CANDIDATES, len(CANDIDATES)):
            if port not in taken and is_free(port):
                return port
        raise LocalError(f"no free port between {CANDIDATES.start} and {CANDIDATES.stop}")


def _becomes_free(port: int) -> bool:
    """Whether the port is free, or is about to be: one that was just killed keeps its port for a moment."""
    deadline = time.monotonic() + GRACE_SECONDS
    while not is_free(port):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)
    return True


def is_free(port: int) -> bool:
    """Whether nobody listens on the port, on this address or on all of them."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True
