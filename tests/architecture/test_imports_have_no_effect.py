"""Importing any module of ours opens no socket, starts no thread or process, and writes no file."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

WATCH = """
import importlib, json, pkgutil, sys, threading
import urllib3  # not ours: comes with Stripe's SDK, and binds a socket to see whether there is IPv6
seen = []
def watch(event, arguments):
    if event in {"socket.connect", "socket.bind", "subprocess.Popen", "os.fork", "os.mkdir"}:
        seen.append([event, str(arguments)[:200]])
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        seen.append([event, str(arguments)[:200]])
names = []
for root in ("services", "shared"):
    package = importlib.import_module(root)
    names += [m.name for m in pkgutil.walk_packages(package.__path__, root + ".")]
names = [n for n in names if ".migrations" not in n and ".tests" not in n]
sys.addaudithook(watch)
for name in names:
    before = threading.active_count()
    importlib.import_module(name)
    if threading.active_count() != before:
        seen.append(["thread", name])
print(json.dumps([len(names), seen]))
"""


def test_importing_every_module_has_no_effect() -> None:
    run = subprocess.run(
        [sys.executable, "-B", "-c", WATCH],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": ""},
    )

    assert run.returncode == 0, run.stderr
    count, effects = json.loads(run.stdout)
    assert count > 100
    assert effects == []
