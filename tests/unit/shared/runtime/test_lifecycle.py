"""A process hears that it is to stop, also when its signals belong to somebody else."""

import signal
import subprocess
import sys

import pytest

# As granian does it: the server's own handlers, set later, and a main thread that is not in Python's hands.
_PROGRAM = """
import signal, sys, time
from shared.runtime.lifecycle import stop_noticed
stopping = stop_noticed()
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, lambda _number, _frame: None)
print("ready", flush=True)
sys.stdin.readline()
print(stopping.wait(float(sys.argv[1])), flush=True)
"""


@pytest.mark.parametrize(
    ("number", "noticed", "seconds"),
    [(signal.SIGTERM, "True", "10"), (signal.SIGINT, "True", "10"), (signal.SIGHUP, "False", "0.3")],
)
def test_a_stop_is_noticed_and_another_signal_is_not(number: signal.Signals, noticed: str, seconds: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, seconds], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        child.send_signal(number)
        said, _ = child.communicate("go\n", timeout=30)

    assert said == f"{noticed}\n"
