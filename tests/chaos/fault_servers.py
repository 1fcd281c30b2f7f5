"""Processes and servers that are killed, frozen, or lose what they had in memory."""

import signal
import time
from collections.abc import Callable

import redis

from deploy.local.running import family, read_pid_file
from deploy.local.stopping import send
from tests.chaos.faults import Fault, Inject, Injection

WORKER = "provider-worker-cpay"
# The worker is frozen for longer than its lease (5 s): when it wakes, its attempts belong to others.
FROZEN_SECONDS = 7.0


def kill_any_service(injection: Injection) -> int:
    crew, killed = injection.stage.crew, 0
    for _ in range(injection.times):
        time.sleep(injection.chosen.uniform(0.3, 1.0))
        killed += crew.kill(injection.chosen.choice(crew.names))
    return killed


def kill_server(name: str, away_seconds: float) -> Inject:
    """SIGKILL it, leave it away for a moment, and start it again."""

    def inject(injection: Injection) -> int:
        killed = 0
        for _ in range(injection.times):
            time.sleep(injection.chosen.uniform(0.5, 1.5))
            began = time.monotonic()
            killed += injection.stage.local.stop(name, kill=True)
            time.sleep(away_seconds)
            injection.stage.local.start(name)
            injection.notes.append(f"away {time.monotonic() - began:.1f} s")
        time.sleep(1)
        return killed

    return inject


def flush_redis(injection: Injection) -> int:
    with redis.Redis.from_url(injection.stage.environment["REDIS_URL"]) as client:
        for _ in range(injection.times):
            time.sleep(injection.chosen.uniform(0.2, 0.6))
            client.flushall()
    return injection.times


def freeze_server(name: str) -> Inject:
    """SIGSTOP it and everything it started, then let it go on."""

    def signal_all(injection: Injection, number: signal.Signals) -> None:
        leader = read_pid_file(injection.stage.local.state.pid_file(name))
        for member in [] if leader is None else family(leader):
            send(member, number)

    return _frozen(signal_all)


def freeze_service(name: str) -> Inject:
    return _frozen(lambda injection, number: injection.stage.crew.signal(name, number))


def _frozen(signal_all: Callable[[Injection, signal.Signals], None]) -> Inject:
    def inject(injection: Injection) -> int:
        for _ in range(injection.times):
            time.sleep(injection.chosen.uniform(0.5, 1.5))
            signal_all(injection, signal.SIGSTOP)
            try:
                time.sleep(FROZEN_SECONDS)
            finally:
                signal_all(injection, signal.SIGCONT)
            time.sleep(1)
        return injection.times

    return inject


FAULTS = (
    Fault(name="any service killed", inject=kill_any_service, smoke=0, full=60),
    Fault(name="rabbitmq killed", inject=kill_server("rabbitmq", 0.5), smoke=1, full=6),
    Fault(name="postgres killed", inject=kill_server("postgres", 0.2), smoke=1, full=12),
    Fault(name="redis killed", inject=kill_server("redis", 0.5), smoke=1, full=10),
    Fault(name="redis flushed", inject=flush_redis, smoke=5, full=30),
    Fault(name="postgres frozen", inject=freeze_server("postgres"), smoke=1, full=2),
    Fault(name="rabbitmq frozen", inject=freeze_server("rabbitmq"), smoke=0, full=2),
    Fault(name="redis frozen", inject=freeze_server("redis"), smoke=0, full=2),
    Fault(name="worker frozen past its lease", inject=freeze_service(WORKER), smoke=0, full=3),
)
