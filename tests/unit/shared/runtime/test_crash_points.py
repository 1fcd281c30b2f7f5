"""A process dies at the point it was told, at the visit it was told, and nowhere else; never in production."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from services.outbox_relay.settings import RelaySettings
from shared.runtime.crash_points import POINTS, reach
from shared.runtime.settings import load_settings

ROOT = Path(__file__).parents[4]

# Eight threads visit the armed point once each, and another point in between.
VISITS = """
import sys, threading
from shared.runtime.crash_points import arm, reach
arm(sys.argv[1])
def visit():
    reach("worker.after_claim")
    reach("worker.after_call")
threads = [threading.Thread(target=visit) for _ in range(8)]
for each in threads: each.start()
for each in threads: each.join()
print("survived")
"""


def _visited(crash_at: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", VISITS, crash_at], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.fixture
def relay_settings(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    given = {"HEALTH_PORT": "9000", "DATABASE_URL": "postgresql://a:b@127.0.0.1/x", "AMQP_URL": "amqp://a:b@127.0.0.1/"}
    given["AUDIT_KEY"] = "the-audit-key-of-a-process-that-is-to-die"
    for name, value in {**given, "ENVIRONMENT": "sandbox"}.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.parametrize("count", [1, 8])
def test_the_process_kills_itself_at_the_visit_that_was_named_and_says_so(count: int) -> None:
    ended = _visited(f"worker.after_call:{count}")

    assert ended.returncode == -signal.SIGKILL
    assert re.fullmatch(r"crash_point worker\.after_call pid \d+\n", ended.stderr)


def test_fewer_visits_than_named_change_nothing() -> None:
    assert _visited("worker.after_call:9").stdout == "survived\n"


def test_another_point_changes_nothing() -> None:
    assert _visited("ingest.after_insert:1").stdout == "survived\n"


def test_an_unarmed_process_passes_every_point() -> None:
    for point in POINTS:
        reach(point)


@pytest.mark.parametrize("wrong", ["worker.after_lunch:1", "worker.after_call", "worker.after_call:0", "x"])
def test_a_point_that_does_not_exist_is_refused_in_one_line(
    wrong: str, relay_settings: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    relay_settings.setenv("CRASH_AT", wrong)

    with pytest.raises(SystemExit) as left:
        load_settings(RelaySettings)

    said = capsys.readouterr().err
    assert left.value.code == 78
    assert said.startswith("CRASH_AT: ")
    assert "worker.after_call" in said
    assert said.count("\n") == 1


def test_production_refuses_to_be_killed(
    relay_settings: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    relay_settings.setenv("ENVIRONMENT", "production")
    relay_settings.setenv("CRASH_AT", "relay.after_read:1")

    with pytest.raises(SystemExit):
        load_settings(RelaySettings)

    assert "CRASH_AT" in capsys.readouterr().err


def test_every_point_of_the_table_is_reached_somewhere_and_no_other() -> None:
    sources = [path for root in ("services", "shared") for path in (ROOT / root).rglob("*.py")]
    reached = {name for path in sources for name in re.findall(r'\breach\("([^"]+)"\)', path.read_text("utf-8"))}

    assert reached == set(POINTS)
