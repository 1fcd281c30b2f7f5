"""Kills notifiers while clients listen; each must have seen every event once, in order, and strangers none.

python -m tests.load.notifier_resume [--kills 100] [--clients 50] [--payments-per-second 4]
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import click

from shared.runtime.identifiers import new_id
from tests.load.notifier_listeners import FeedListener, Intruder, PaymentListener
from tests.load.notifier_stage import LoggedFact, Payments, Stage, stage

INSTANCES = 2
# Of the clients, one in so many follows payment after payment; the others hear all of them.
FOLLOWS_PAYMENTS = 5
CATCH_UP_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Faults:
    """Of all clients together, against the event log."""

    missing: int = 0
    repeated: int = 0
    disordered: int = 0
    foreign: int = 0

    def __add__(self, other: "Faults") -> "Faults":
        return Faults(
            self.missing + other.missing,
            self.repeated + other.repeated,
            self.disordered + other.disordered,
            self.foreign + other.foreign,
        )


def faults_of(seen: Sequence[str], logged: Sequence[str], *, to_the_end: bool) -> Faults:
    """``to_the_end``: the client had the time to see all, and not only a beginning."""
    times, known = Counter(seen), set(logged)
    expected = logged if to_the_end else logged[: len(times)]
    firsts = [each for each in dict.fromkeys(seen) if each in known]
    in_order = [each for each in logged if each in times]
    return Faults(
        missing=sum(each not in times for each in expected),
        repeated=sum(count - 1 for count in times.values()),
        disordered=sum(one != two for one, two in zip(firsts, in_order, strict=True)),
        foreign=sum(each not in known for each in times),
    )


class Play:
    def __init__(self, stage: Stage, clients: int, payments_per_second: float) -> None:
        self._stage = stage
        self.payments = Payments(stage, payments_per_second)
        following = clients // FOLLOWS_PAYMENTS
        self.feeds = [FeedListener(stage, uses_tickets=number % 2 == 0) for number in range(clients - following)]
        self.followers = [
            PaymentListener(stage, self.payments.ids, uses_tickets=number % 2 == 0) for number in range(following)
        ]
        self.intruders = [Intruder(stage, self.payments.ids, new_id()) for _ in range(2)]
        self.log: list[LoggedFact] = []

    async def run(self, kills: int) -> None:
        listening = [each.run() for each in (*self.feeds, *self.followers)]
        tasks = [asyncio.create_task(each) for each in (*listening, *(each.run() for each in self.intruders))]
        self.payments.start()
        await asyncio.to_thread(self._kill, kills)
        await asyncio.to_thread(self.payments.stop)
        self.log = await asyncio.to_thread(self._stage.log)
        await self._catch_up()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _kill(self, kills: int) -> None:
        """One at a time; the other goes on."""
        for number in range(kills):
            victim = self._stage.instances[number % INSTANCES]
            victim.kill()
            victim.start()
            victim.wait_until_ready()

    async def _catch_up(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(CATCH_UP_SECONDS):
                for feed in self.feeds:
                    await feed.has_seen(len(self.log))

    def faults(self) -> Faults:
        everything = [fact.id for fact in self.log]
        found = sum((faults_of(each.seen, everything, to_the_end=True) for each in self.feeds), Faults())
        for follower in self.followers:
            for payment_id, seen in follower.seen.items():
                of_payment = [fact.id for fact in self.log if fact.payment_id == payment_id]
                found += faults_of(seen, of_payment, to_the_end=False)
        return found


@click.command()
@click.option("--kills", default=100, show_default=True)
@click.option("--clients", default=50, show_default=True)
@click.option("--payments-per-second", default=4.0, show_default=True)
def main(kills: int, clients: int, payments_per_second: float) -> None:
    """Bounded by the number of kills; starts a private system of its own, and ends it."""
    began = time.monotonic()
    with stage(INSTANCES, MAX_CONNECTIONS_PER_ADDRESS="1000") as here:
        play = Play(here, clients, payments_per_second)
        asyncio.run(play.run(kills))
    faults = play.faults()
    frames = sum(intruder.frames for intruder in play.intruders)
    refused = sum(intruder.refused for intruder in play.intruders)
    followed = sum(len(list(filter(None, follower.seen.values()))) for follower in play.followers)
    connections = sum(each.connections for each in (*play.feeds, *play.followers))
    is_kept = faults == Faults() and frames == 0 and min(refused, followed, len(play.log), kills) > 0
    click.echo(
        f"notifier_resume: {'kept' if is_kept else 'BROKEN'}: {kills} kills of {INSTANCES} notifiers,"
        f" {len(play.feeds)} feeds of {len(play.log)} events each, {followed} payments followed,"
        f" {connections} connections; missing {faults.missing}, repeated {faults.repeated},"
        f" out of order {faults.disordered}, foreign {faults.foreign};"
        f" wrong tenant: {refused} refused, {frames} frames; {time.monotonic() - began:.0f} s"
    )
    raise SystemExit(0 if is_kept else 1)


if __name__ == "__main__":
    main()
