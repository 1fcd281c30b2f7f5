"""Shows that no callback which was acknowledged is lost: ``python -m tests.load.callback_outage [--crashes 50]``.

A private system takes callbacks while the database is killed or frozen, the broker is killed, or both; then its ingest
dies at each of its steps. The exit code is 1 if one was lost, acted twice, or was never acknowledged.
"""

import random
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import click

from deploy.local.running import family, read_pid_file
from deploy.local.stopping import send
from tests.chaos.crash_rows import INGEST, VISITS
from tests.chaos.crew import counts
from tests.chaos.stage import Stage, stage
from tests.load.callbacks import Callback, Sender, at_a_rate, tally

PER_SECOND = 50.0
AROUND_SECONDS = 5.0
WHILE_CRASHING_PER_SECOND = 20.0
LONGEST_CRASHING_SECONDS = 900.0

# While the database is there; while it is away; when it has come back.
AT_WORK = ("ingest.after_verify", "ingest.inside_transaction", "ingest.after_insert")
WITH_THE_DATABASE_AWAY = "ingest.after_spool"
WHILE_DRAINING = "ingest.after_drain"


class Outage:
    """One run on one system."""

    def __init__(self, played: Stage, seconds: float, crashes: int, only: str) -> None:
        self._stage, self._seconds, self._crashes, self._only = played, seconds, crashes, only
        secret = played.local.variables("provider-simulator")["SANDBOX_SECRET"]
        self._sender = Sender(played.environment["INGEST_URL"], secret)
        self._is_right = True

    def run(self) -> bool:
        """Everything; whether nothing was lost."""
        self._row("nothing is away", self._waiting)
        self._row("database killed", lambda: self._away("postgres"))
        self._row("database frozen", self._frozen)
        self._row("broker killed", lambda: self._away("rabbitmq"))
        self._row("both killed", lambda: self._away("postgres", "rabbitmq"))
        for point in AT_WORK:
            self._crash_row(point, lambda point=point: self._die(point))  # type: ignore[misc] # bound now
        self._crash_row(WITH_THE_DATABASE_AWAY, self._die_with_the_database_away)
        self._crash_row(WHILE_DRAINING, self._die_draining)
        return self._is_right

    def _row(self, name: str, fault: Callable[[], object]) -> None:
        """Callbacks at a steady rate, before, during and after the fault."""
        if self._only not in name:
            return
        with self._sending(PER_SECOND) as callbacks:
            time.sleep(AROUND_SECONDS)
            fault()
            time.sleep(AROUND_SECONDS)
        self._judge(name, callbacks)

    def _crash_row(self, point: str, die: Callable[[], int]) -> None:
        if self._only not in point:
            return
        with self._sending(WHILE_CRASHING_PER_SECOND) as callbacks:
            died = die()
            self._stage.crew.change(INGEST)
            self._stage.crew.wait_ready(INGEST)
        self._judge(f"killed {died} times at {point}", callbacks)
        if died < self._crashes:
            click.echo(f"    died {died} times, not {self._crashes}")
            self._is_right = False

    def _judge(self, name: str, callbacks: Sequence[Callback]) -> None:
        told = tally(callbacks, self._stage.environment["DATABASE_OWNER_URL"])
        self._is_right &= told.is_right
        click.echo(f"{name:<44}{told}{'' if told.is_right else '  FAILED'}")

    @contextmanager
    def _sending(self, per_second: float) -> Iterator[list[Callback]]:
        """To the end of the block, and on until the last is acknowledged."""
        sent: list[Callback] = []

        def one() -> None:
            callback = self._sender.a_callback()
            sent.append(callback)
            self._sender.send(callback)

        with at_a_rate(per_second, one):
            yield sent

    def _waiting(self) -> None:
        time.sleep(self._seconds)

    def _away(self, *servers: str) -> None:
        for server in servers:
            self._stage.local.stop(server, kill=True)
        time.sleep(self._seconds)
        for server in servers:
            self._stage.local.start(server)

    def _frozen(self) -> None:
        leader = read_pid_file(self._stage.local.state.pid_file("postgres"))
        members = [] if leader is None else family(leader)
        for member in members:
            send(member, signal.SIGSTOP)
        time.sleep(self._seconds)
        for member in members:
            with suppress(ProcessLookupError):
                send(member, signal.SIGCONT)

    def _die(self, point: str) -> int:
        self._arm(point, *VISITS[INGEST])
        return self._deaths(point)

    def _die_with_the_database_away(self) -> int:
        """Once an outage: started without the database, nobody knows whose signatures are good."""
        self._arm(WITH_THE_DATABASE_AWAY, 1, 3)
        died, give_up_at = 0, time.monotonic() + LONGEST_CRASHING_SECONDS
        while died < self._crashes and time.monotonic() < give_up_at:
            self._stage.crew.wait_ready(INGEST)
            self._stage.local.stop("postgres", kill=True)
            died = self._deaths(WITH_THE_DATABASE_AWAY, died + 1, longest_seconds=30)
            self._stage.local.start("postgres")
        return died

    def _die_draining(self) -> int:
        """Again and again over the same callbacks: they are stored, and still stand on the disk."""
        self._stage.local.stop("postgres", kill=True)
        time.sleep(2)
        self._arm(WHILE_DRAINING, 1, 1, politely=False)
        self._stage.local.start("postgres")
        return self._deaths(WHILE_DRAINING)

    def _arm(self, point: str, least: int, most: int, *, politely: bool = True) -> None:
        self._stage.crew.change(INGEST, crash_at=counts(self._stage.seed, point, least, most))
        if politely:
            self._stage.crew.wait_ready(INGEST)

    def _deaths(self, point: str, wanted: int | None = None, longest_seconds: float = LONGEST_CRASHING_SECONDS) -> int:
        """Wait until it has died so often."""
        give_up_at = time.monotonic() + longest_seconds
        while (died := self._stage.crew.crashes(INGEST, point)) < (wanted or self._crashes):
            if time.monotonic() > give_up_at:
                break
            time.sleep(0.1)
        return died


@click.command()
@click.option("--seconds", default=20.0, show_default=True, help="How long each server is away.")
@click.option("--crashes", default=50, show_default=True, help="How often ingest dies at each step.")
@click.option(
    "--only", default="", help="Only the rows whose names contain this, such as killed, or ingest.after_spool."
)
@click.option("--seed", type=int, help="Repeats the choices of the run that printed it.")
def main(seconds: float, crashes: int, only: str, seed: int | None) -> None:
    """Take away what ingest needs, and ingest itself; then ask the database what became of each callback."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    seed = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    click.echo(f"seed {seed}; {PER_SECOND:.0f} callbacks a second; starting a private system of its own")
    with stage(seed) as played:
        is_right = Outage(played, seconds, crashes, only).run()
    click.echo("nothing was lost, nothing acted twice" if is_right else "FAILED")
    raise SystemExit(0 if is_right else 1)


if __name__ == "__main__":
    main()
