"""Messages that nobody can read, a broker that takes none, and a broker that has lost all of them."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from kombu.connection import Connection
from kombu.messaging import Producer

from deploy.local.ports import HOST, Ports
from deploy.local.servers.rabbitmq import EPMD, NODE
from deploy.local.settings import CHECKOUT
from shared.messaging.topology import COMMANDS, PROVIDER_EVENTS
from tests.chaos.faults import Fault, Injection

RABBITMQCTL = Path("/usr/lib/rabbitmq/bin/rabbitmqctl")
ALARM_SECONDS = 6.0
NORMAL_WATERMARK = "0.4"


def poison(injection: Injection) -> int:
    """Publish what no consumer can read, between real messages; all of it must be parked, and nothing else."""
    kinds = _poisonous()
    with Connection(injection.stage.environment["AMQP_URL"]) as connection, connection.channel() as channel:
        producer = Producer(channel)
        for number in range(injection.times):
            exchange = injection.chosen.choice([COMMANDS, PROVIDER_EVENTS])
            producer.publish(
                kinds[number % len(kinds)],
                exchange=exchange,
                routing_key="cpay.poison",
                content_type="application/json",
                content_encoding="utf-8",
                delivery_mode=2,
            )
            time.sleep(0.1)
    injection.parked = injection.times
    return injection.times


def _poisonous() -> list[bytes]:
    envelope = {"message_id": str(uuid4()), "occurred_at": "2026-01-01T00:00:00Z", "correlation_id": str(uuid4())}

    def message(**changed: object) -> bytes:
        return json.dumps({**envelope, "type": "payment.verify.v1", "provider": "cpay", **changed}).encode()

    return [
        b"{not json",
        b"\x00\xff\xfe",
        message(type="payment.explode.v1"),
        message(type="payment.verify.v999"),
        message(),
        message(transaction_id="not-an-id"),
        message(transaction_id=str(uuid4()), surprise=True),
        b'"' + b"x" * 1_000_000 + b'"',
    ]


def memory_alarm(injection: Injection) -> int:
    """Have the broker believe that its memory is full: it takes nothing until that is over."""
    accepted = 0
    for _ in range(injection.times):
        time.sleep(1)
        _rabbitmqctl(injection, "set_vm_memory_high_watermark", "0.00001")
        try:
            before = _accepted(injection)
            time.sleep(ALARM_SECONDS)
            accepted += _accepted(injection) - before
        finally:
            _rabbitmqctl(injection, "set_vm_memory_high_watermark", NORMAL_WATERMARK)
    injection.notes.append(f"{accepted} accepted meanwhile")
    return injection.times if accepted else 0


def lose_everything(injection: Injection) -> int:
    """Delete all that the broker has, and rebuild its queues from PostgreSQL."""
    local = injection.stage.local
    for _ in range(injection.times):
        time.sleep(2)
        local.stop("rabbitmq", kill=True)
        home = local.state.home("rabbitmq")
        shutil.rmtree((home.readlink() if home.is_symlink() else home) / "mnesia")
        local.start("rabbitmq")
        began = time.monotonic()
        injection.notes.append(f"{_rebuild(injection)} in {time.monotonic() - began:.1f} s")
        time.sleep(2)
    return injection.times


def _rebuild(injection: Injection) -> str:
    stage = injection.stage
    command = [sys.executable, "-m", "services.payctl", "--env-file", str(stage.local.state.gateway_env)]
    answer = subprocess.run(
        [*command, "rebuild-queues"],
        cwd=CHECKOUT,
        env={**stage.local.settings.inherited, "RETRY_DELAYS_MS": ",".join(map(str, stage.delays_ms))},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return answer.stdout.strip().replace("\n", "; ") if answer.returncode == 0 else f"failed: {answer.stderr.strip()}"


def _accepted(injection: Injection) -> int:
    return sum(request.resource_id is not None for request in list(injection.load.requests))


def _rabbitmqctl(injection: Injection, *arguments: str) -> None:
    local = injection.stage.local
    variables: Mapping[str, str] = {
        "PATH": local.settings.inherited["PATH"],
        "HOME": str(local.state.home("rabbitmq").resolve()),
        "LANG": "C.UTF-8",
        "ERL_EPMD_PORT": str(Ports(local.state).of(EPMD)),
        "ERL_EPMD_ADDRESS": HOST,
        "RABBITMQ_NODENAME": NODE,
    }
    command = [str(RABBITMQCTL if RABBITMQCTL.exists() else "rabbitmqctl"), "-n", NODE, *arguments]
    subprocess.run(command, env=dict(variables), check=True, capture_output=True, timeout=30)


FAULTS = (
    Fault(name="poison messages", inject=poison, smoke=16, full=48),
    Fault(name="broker memory alarm", inject=memory_alarm, smoke=1, full=2),
    Fault(name="broker loses everything, queues rebuilt", inject=lose_everything, smoke=1, full=2),
)
