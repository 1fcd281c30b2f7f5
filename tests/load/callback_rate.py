"""How many genuine callbacks webhook_ingest takes a second: ``python -m tests.load.callback_rate [--workers 2]``.

As fast as it answers 16 connections, then at a steady rate, on a private system. ``--alone`` stops what works off the
callbacks meanwhile; it comes back, and every callback must have acted once. The exit code is 1 if one was not taken,
was lost, acted twice, or if the steady rate was not reached.
"""

import random
import signal
import sys
import time

import click

from tests.chaos.crash_rows import INGEST, RELAY, WORKER
from tests.chaos.report import latencies
from tests.chaos.stage import Stage, stage
from tests.load.callbacks import PATH, Callback, Sender, tally
from tests.load.wire import Plan, post, sending

LINES = 16
MOST_A_SECOND = 1500
WARMING_UP = 50
LEAST_OF_THE_RATE = 0.95


@click.command()
@click.option("--workers", default=1, show_default=True, help="INGEST_WORKERS.")
@click.option("--steady", default=100.0, show_default=True, help="Callbacks a second, after as many as can be.")
@click.option("--seconds", default=15.0, show_default=True, help="Of each.")
@click.option("--alone", is_flag=True, help="Nobody works off what is taken meanwhile.")
def main(workers: int, steady: float, seconds: float, alone: bool) -> None:
    """On a private system."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    click.echo(f"{workers} worker processes; starting a private system of its own")
    with stage(random.SystemRandom().randrange(1_000_000)) as played:
        is_right = _play(played, workers, steady, seconds, (WORKER, RELAY) if alone else ())
    raise SystemExit(0 if is_right else 1)


def _play(played: Stage, workers: int, steady: float, seconds: float, stopped: tuple[str, ...]) -> bool:
    played.crew.change(INGEST, extra={"INGEST_WORKERS": str(workers)}, politely=True)
    played.crew.wait_ready(INGEST)
    secret = played.local.variables("provider-simulator")["SANDBOX_SECRET"]
    sender = Sender(played.environment["INGEST_URL"], secret)
    for _ in range(WARMING_UP):  # the provider is no stranger to any of the processes
        sender.send(sender.a_callback())
    for name in stopped:
        played.crew.stop(name)
    taken = [*_sent(played, sender, None, seconds), *_sent(played, sender, steady, seconds)]
    for name in stopped:
        played.crew.start(name)
    told = tally(taken, played.environment["DATABASE_OWNER_URL"])
    click.echo(told)
    is_fast_enough = sum(each.statuses == [200] for each in taken) >= LEAST_OF_THE_RATE * steady * seconds * 2
    return told.is_right and is_fast_enough


def _sent(played: Stage, sender: Sender, per_second: float | None, seconds: float) -> list[Callback]:
    """``per_second``: ``None`` is as fast as they are answered."""
    callbacks = [sender.a_callback() for _ in range(int((per_second or MOST_A_SECOND) * (seconds + 2)))]
    plan = Plan(
        port=int(played.environment["INGEST_URL"].rpartition(":")[2]),
        requests=[post(PATH, sender.signed(each), each.body) for each in callbacks],
        per_second=per_second,
        lines=LINES,
    )
    with sending(plan) as told:
        time.sleep(seconds)
    for number, status, waited in told.answers:
        callbacks[number].statuses.append(status)
        callbacks[number].seconds = waited
    p50, p95, p99 = (each * 1000 for each in latencies(told.seconds_of(200)))
    meant = "as fast as answered" if per_second is None else f"{per_second:.0f} a second"
    click.echo(
        f"{meant:<20} {told.per_second:4.0f} a second  p50 {p50:.0f}  p95 {p95:.0f}  p99 {p99:.0f} ms  {told.statuses}"
    )
    return [each for each in callbacks if each.statuses]


if __name__ == "__main__":
    main()
