"""Further notifiers beside a running system: any number of them may run."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import httpx2

ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 60


class NotifierInstance:
    """A process of its own with ports of its own, which survive its death; its output is added to ``log``."""

    def __init__(self, variables: Mapping[str, str], log: Path, **changes: str) -> None:
        self.port, health_port = _free_port(), _free_port()
        self.ws_url = f"ws://127.0.0.1:{self.port}"
        self._health_url, self._log = f"http://127.0.0.1:{health_port}", log
        self._variables = {
            **variables,
            "NOTIFIER_PORT": str(self.port),
            "HEALTH_PORT": str(health_port),
            **changes,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "NotifierInstance":
        self.start()
        self.wait_until_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "services.notifier"]
            self._process = subprocess.Popen(command, cwd=ROOT, env=self._variables, stdout=log, stderr=log)

    def wait_until_ready(self) -> None:
        """Until it lets clients in, and hears the broker."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while not self.is_ready():
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"no notifier on port {self.port}; see {self._log}")
            time.sleep(0.05)

    def is_ready(self) -> bool:
        with suppress(httpx2.HTTPError):
            status = httpx2.get(f"{self._health_url}/readyz", trust_env=False, timeout=2).json()["status"]
            return bool(status == "ready")
        return False

    def metric(self, sample: str) -> float:
        """The value of one line of ``/metrics``, such as ``gateway_websockets_open``."""
        lines = httpx2.get(f"{self._health_url}/metrics", trust_env=False, timeout=10).text.splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == sample), 0.0)

    def peak_megabytes(self) -> float:
        """The most memory that it has had at once."""
        return self._kilobytes("VmHWM:") / 1000

    def megabytes(self) -> float:
        return self._kilobytes("VmRSS:") / 1000

    def _kilobytes(self, name: str) -> int:
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(name))

    def kill(self) -> None:
        """As a crash would: nothing is said to anybody."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to stop, and wait; its exit status."""
        return self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> int:
        if self._process is None:
            return 0
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, how)
        status = self._process.wait(PATIENCE_SECONDS)
        self._process = None
        return status


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
