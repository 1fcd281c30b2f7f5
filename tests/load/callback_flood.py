"""Shows that a flood of forgeries delays no genuine callback: ``python -m tests.load.callback_flood``.

Strangers (many addresses of this machine, or with ``--one-address`` the provider's own) send forged callbacks over more
connections than ingest takes at once, while the provider sends genuine ones, each over a new connection. Both are sent
by processes of their own, and timed from when they were due. The exit code is 1 if a genuine one was not taken at its
first try, if it took too long, if a forged one was believed, or if less was sent than there should have been.
"""

import os
import random
import signal
import sys
import time

import click

from tests.chaos.report import latencies
from tests.chaos.stage import Stage, stage
from tests.load.callbacks import PATH, Callback, Sender, tally
from tests.load.wire import Plan, Told, post, sending

PROVIDER = "127.0.0.1"
LONGEST_P95_SECONDS = 0.5
LEAST_OF_WHAT_WAS_MEANT = 0.9
DIFFERENT_FORGERIES = 2000
LINES_OF_THE_PROVIDER = 64


@click.command()
@click.option("--forged", default=500.0, show_default=True, help="A second.")
@click.option("--genuine", default=20.0, show_default=True, help="A second.")
@click.option("--seconds", default=30.0, show_default=True)
@click.option("--addresses", default=50, show_default=True, help="Of the strangers.")
@click.option("--connections", default=1600, show_default=True, help="Of all strangers together; kept where they may.")
@click.option("--one-address", is_flag=True, help="All come from the provider's own address, as through one proxy.")
def main(forged: float, genuine: float, seconds: float, addresses: int, connections: int, one_address: bool) -> None:
    """On a private system."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    click.echo(f"{forged:.0f} forged and {genuine:.0f} genuine a second; starting a private system of its own")
    sources = [PROVIDER] if one_address else [f"127.0.1.{number}" for number in range(1, addresses + 1)]
    with stage(random.SystemRandom().randrange(1_000_000)) as played:
        problems = Flood(played, forged, genuine, seconds).run(sources, connections)
    for problem in problems:
        click.echo(f"    {problem}")
    raise SystemExit(1 if problems else 0)


class Flood:
    """One run on one system; ``forged`` and ``genuine`` are a second's."""

    def __init__(self, played: Stage, forged: float, genuine: float, seconds: float) -> None:
        self._stage, self._forged, self._genuine, self._seconds = played, forged, genuine, seconds
        secret = played.local.variables("provider-simulator")["SANDBOX_SECRET"]
        self._sender = Sender(played.environment["INGEST_URL"], secret)

    def run(self, sources: list[str], connections: int) -> list[str]:
        """What was not as it should be."""
        self._sender.send(self._sender.a_callback())  # the provider is no stranger
        callbacks = [self._sender.a_callback() for _ in range(int(self._genuine * (self._seconds + 10)))]
        with sending(self._flood(sources, connections)) as forged, sending(self._provider(callbacks)) as genuine:
            time.sleep(self._seconds)
            busy = os.getloadavg()[0]
        sent = _answered(callbacks, genuine)
        told = tally(sent, self._stage.environment["DATABASE_OWNER_URL"])
        p95 = latencies(each.seconds for each in sent)[1]
        click.echo(_in_words("forged", forged))
        click.echo(
            f"{_in_words('genuine', genuine)}\ngenuine: {told}, p95 {p95 * 1000:.0f} ms; load average {busy:.1f}"
        )
        checks = {
            "a genuine callback was lost, or acted twice": told.is_right,
            "a genuine callback was not taken at its first try": all(each.statuses == [200] for each in sent),
            f"p95 is {p95 * 1000:.0f} ms": p95 < LONGEST_P95_SECONDS,
            "a forged callback was answered with something else than 401 or 429": set(forged.statuses) <= {401, 429},
            **_as_much_as_meant("forged", forged, self._forged),
            **_as_much_as_meant("genuine", genuine, self._genuine),
        }
        return [problem for problem, is_right in checks.items() if not is_right]

    def _flood(self, sources: list[str], connections: int) -> Plan:
        """Well-formed, and each signed for another callback."""
        example = self._sender.a_callback()
        headers = self._sender.signed(example)
        requests = [
            post(PATH, {**headers, "webhook-id": f"evt_{number:016x}"}, example.body)
            for number in range(DIFFERENT_FORGERIES)
        ]
        lines = max(1, connections // len(sources))
        return Plan(port=self._port, requests=requests, per_second=self._forged, lines=lines, sources=sources)

    def _provider(self, callbacks: list[Callback]) -> Plan:
        anew = {"Connection": "close"}
        requests = [post(PATH, {**self._sender.signed(each), **anew}, each.body) for each in callbacks]
        return Plan(port=self._port, requests=requests, per_second=self._genuine, lines=LINES_OF_THE_PROVIDER)

    @property
    def _port(self) -> int:
        return int(self._stage.environment["INGEST_URL"].rpartition(":")[2])


def _answered(callbacks: list[Callback], told: Told) -> list[Callback]:
    for number, status, seconds in told.answers:
        callbacks[number].statuses.append(status)
        callbacks[number].seconds = seconds
    return [each for each in callbacks if each.statuses]


def _as_much_as_meant(who: str, told: Told, per_second: float) -> dict[str, bool]:
    return {f"only {told.per_second:.0f} {who} a second": told.per_second >= LEAST_OF_WHAT_WAS_MEANT * per_second}


def _in_words(who: str, told: Told) -> str:
    times = ", ".join(
        f"{status}: {count} (p50 {p50 * 1000:.0f} p95 {p95 * 1000:.0f} ms)"
        for status, count in told.statuses.items()
        for p50, p95, _ in [latencies(told.seconds_of(status))]
    )
    return f"{who}: {told.per_second:.0f} a second; {times}; the sending took {told.cpu_share:.0%} of a processor"


if __name__ == "__main__":
    main()
