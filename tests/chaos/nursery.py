"""Starts our processes cheaply, as forks of an interpreter that has imported all: ``python -m tests.chaos.nursery``.

Importing is nine tenths of what a start costs, and a thousand crashes are a thousand starts. It reads one JSON order a
line, and writes one JSON line whenever a process has started or died. When its standard input ends, so does everything
that it started: whoever ordered it cannot leave anything behind.
"""

import importlib
import json
import os
import selectors
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any

MODULES = ("api", "outbox_relay", "provider_worker", "webhook_ingest", "webhook_delivery", "notifier", "scheduler")


class Nursery:
    """An order is ``{"name", "module", "arguments", "variables", "log", "fresh"}``; ``fresh``: a new interpreter."""

    def __init__(self, reports: int) -> None:
        self._reports = reports
        self._selector = selectors.DefaultSelector()
        self._names: dict[int, str] = {}
        self._unread = b""

    def run(self) -> None:
        self._selector.register(0, selectors.EVENT_READ)
        self._report({"ready": True})
        while True:
            for key, _ in self._selector.select():
                if key.fd != 0:
                    self._bury(key.fd, key.data)
                elif not self._obey():
                    self._end_everything()
                    return

    def _obey(self) -> bool:
        """Take the orders that have come; whether more may come."""
        chunk = os.read(0, 65_536)
        *lines, self._unread = (self._unread + chunk).split(b"\n")
        for line in lines:
            self._start(json.loads(line))
        return bool(chunk)

    def _start(self, order: Mapping[str, Any]) -> None:
        pid = os.fork()
        if pid == 0:
            _become(order)
        _lead_its_own_group(pid)
        self._names[pid] = order["name"]
        self._selector.register(os.pidfd_open(pid), selectors.EVENT_READ, pid)
        self._report({"name": order["name"], "started": pid})

    def _bury(self, pidfd: int, pid: int) -> None:
        self._selector.unregister(pidfd)
        os.close(pidfd)
        _, status = os.waitpid(pid, 0)
        _kill_group(pid)  # its own processes die with it, as they do in a container
        killed_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0
        self._report({"name": self._names.pop(pid), "ended": pid, "signal": killed_by, "code": code})

    def _end_everything(self) -> None:
        for pid in list(self._names):
            _kill_group(pid)
            os.waitpid(pid, 0)

    def _report(self, fact: Mapping[str, object]) -> None:
        os.write(self._reports, json.dumps(fact).encode() + b"\n")


def _lead_its_own_group(pid: int) -> None:
    """Said by parent and child both, whichever comes first: nobody kills a group that is not there yet."""
    try:
        os.setpgid(pid, pid)
    except (PermissionError, ProcessLookupError):
        return  # the child has said so itself, and gone on to another program or died


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def _become(order: Mapping[str, Any]) -> None:
    """Turn this fork into the process that was ordered; never returns."""
    code = 70
    try:
        os.setpgid(0, 0)
        _open_log(order["log"])
        os.environ.clear()
        os.environ.update(order["variables"])
        code = _main(order["module"], order["arguments"], fresh=order["fresh"])
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _open_log(path: str) -> None:
    nothing, log = os.open(os.devnull, os.O_RDONLY), os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for given, wanted in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(given, wanted)
    os.closerange(3, 256)


def _main(module: str, arguments: Sequence[str], *, fresh: bool) -> int:
    if fresh:
        os.execve(sys.executable, [sys.executable, "-m", module, *arguments], dict(os.environ))
    sys.argv = [module, *arguments]
    ended = importlib.import_module(f"{module}.__main__").main()
    return ended if isinstance(ended, int) else 0


def main() -> None:
    for name in MODULES:
        importlib.import_module(f"services.{name}.__main__")
    # What each granian worker loads is imported there anew; the parents need none of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever ordered it decides
    Nursery(reports=os.dup(1)).run()


if __name__ == "__main__":
    main()
