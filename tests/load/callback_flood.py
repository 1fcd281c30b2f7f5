"""Shows that a flood of forgeries delays no genuine callback: ``python -m tests.load.callback_flood``.

Strangers (many addresses of this machine, or with ``--one-address`` the provider's own) send forged callbacks while the
provider sends genuine ones. The exit code is 1 if a genuine one was not taken at its first try, if it took too long,
if a forged one was believed, or if the flood was not what it should have been.
"""

import random
import secrets
import signal
import sys
import time
from collections import Counter

import click

from tests.chaos.report import latencies
from tests.chaos.stage import Stage, stage
from tests.load.callbacks import Callback, Sender, at_a_rate, tally

PROVIDER = "127.0.0.1"
LONGEST_P95_SECONDS = 0.5
LEAST_OF_THE_FLOOD = 0.9
FLOODERS = 32


class Flood:
    """Forged callbacks, each signed by nobody; ``addresses`` are whose."""

    def __init__(self, sender: Sender, addresses: int) -> None:
        self._sender = sender
        self._sources = [f"127.0.1.{number}" for number in range(1, addresses + 1)] or [PROVIDER]
        self._example = sender.a_callback()
        self.statuses: Counter[int] = Counter()

    def send(self) -> None:
        headers = dict(self._sender.signed(self._example))
        headers |= {"webhook-id": f"evt_{secrets.token_hex(8)}"}
        source = secrets.choice(self._sources)
        self.statuses[self._sender.post(self._example.body, headers, source)] += 1


@click.command()
@click.option("--forged", default=500.0, show_default=True, help="A second.")
@click.option("--genuine", default=20.0, show_default=True, help="A second.")
@click.option("--seconds", default=30.0, show_default=True)
@click.option("--addresses", default=50, show_default=True, help="Of the strangers.")
@click.option("--one-address", is_flag=True, help="All come from the provider's own address, as through one proxy.")
def main(forged: float, genuine: float, seconds: float, addresses: int, one_address: bool) -> None:
    """On a private system."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    click.echo(f"{forged:.0f} forged and {genuine:.0f} genuine a second; starting a private system of its own")
    with stage(random.SystemRandom().randrange(1_000_000)) as played:
        problems = _play(played, forged, genuine, seconds, 0 if one_address else addresses)
    for problem in problems:
        click.echo(f"    {problem}")
    raise SystemExit(1 if problems else 0)


def _play(played: Stage, forged: float, genuine: float, seconds: float, addresses: int) -> list[str]:
    secret = played.local.variables("provider-simulator")["SANDBOX_SECRET"]
    sender = Sender(played.environment["INGEST_URL"], secret)
    flood, sent = Flood(sender, addresses), list[Callback]()

    def one() -> None:
        callback = sender.a_callback()
        sent.append(callback)
        sender.send(callback)

    one()  # the provider is no stranger
    with at_a_rate(genuine, one), at_a_rate(forged, flood.send, threads=FLOODERS):
        time.sleep(seconds)
        rate = flood.statuses.total() / seconds
    told = tally(sent, played.environment["DATABASE_OWNER_URL"])
    _, p95, _ = latencies(each.seconds for each in sent)
    click.echo(f"forged: {rate:.0f} a second, answered {dict(sorted(flood.statuses.items()))}")
    click.echo(f"genuine: {told}, p95 {p95 * 1000:.0f} ms")
    checks = {
        "a genuine callback was lost, or acted twice": told.is_right,
        "a genuine callback was not taken at its first try": all(each.statuses == [200] for each in sent),
        f"p95 is {p95 * 1000:.0f} ms": p95 < LONGEST_P95_SECONDS,
        "a forged callback was answered with something else than 401 or 429": set(flood.statuses) <= {401, 429},
        f"the flood was only {rate:.0f} a second": rate >= LEAST_OF_THE_FLOOD * forged,
    }
    return [problem for problem, is_right in checks.items() if not is_right]


if __name__ == "__main__":
    main()
