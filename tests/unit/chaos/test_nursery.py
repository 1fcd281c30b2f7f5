"""The nursery starts what is ordered, tells how it ended, and leaves nothing behind when nobody orders any more."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.nursery import Nursery

ROOT = Path(__file__).parents[3]
# A nursery without our services: what it starts is a module of this test's.
PLAIN = f"import os; from tests.chaos.nursery import {Nursery.__name__}; {Nursery.__name__}(reports=os.dup(1)).run()"
SLEEPER = "import time\ndef main():\n    time.sleep(60)\n"


class Ordered:
    def __init__(self, folder: Path) -> None:
        (folder / "sleeper").mkdir()
        (folder / "sleeper" / "__init__.py").touch()
        (folder / "sleeper" / "__main__.py").write_text(SLEEPER)
        self._log = str(folder / "log")
        self.nursery = subprocess.Popen(
            [sys.executable, "-c", PLAIN],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{folder}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.told() == {"ready": True}

    def order(self, name: str) -> int:
        order = {"name": name, "module": "sleeper", "arguments": [], "variables": {}, "log": self._log, "fresh": False}
        assert self.nursery.stdin is not None
        self.nursery.stdin.write(json.dumps(order).encode() + b"\n")
        self.nursery.stdin.flush()
        pid = self.told()["started"]
        assert isinstance(pid, int)
        return pid

    def told(self) -> dict[str, object]:
        assert self.nursery.stdout is not None
        fact: dict[str, object] = json.loads(self.nursery.stdout.readline())
        return fact

    def close(self) -> None:
        assert self.nursery.stdin is not None
        assert self.nursery.stdout is not None
        self.nursery.stdin.close()
        self.nursery.wait(10)
        self.nursery.stdout.close()


@pytest.fixture
def ordered(tmp_path: Path) -> Ordered:
    return Ordered(tmp_path)


def test_how_a_process_ended_is_told(ordered: Ordered) -> None:
    pid = ordered.order("one")

    os.kill(pid, signal.SIGKILL)

    assert ordered.told() == {"name": "one", "ended": pid, "signal": signal.SIGKILL, "code": 0}
    ordered.close()


def test_nothing_outlives_whoever_ordered_it(ordered: Ordered) -> None:
    pids = [ordered.order(name) for name in ("one", "two")]

    ordered.close()

    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
