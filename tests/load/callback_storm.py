"""Callbacks may come five times, in any order, early, late or never: ``python -m tests.load.callback_storm``.

Payments on a private system whose provider's callbacks go through ``multiplier``; a fifth come before the provider's
own answer. When all has come to rest, the provider, the database and the API are asked as the proof asks them. The exit
code is 1 if anything was lost, acted twice, or hangs.
"""

import random
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import closing

import click
import psycopg2

from tests.chaos.load import Mix
from tests.chaos.printing import HEADER, as_problems, as_text
from tests.chaos.report import Row
from tests.chaos.stage import Stage, stage
from tests.load.multiplier import LATE_SECONDS, Multiplier

EARLY = 0.2
MIX = Mix(
    refunds=0.0, captures=0.0, manual=0.0, repetitions=0.0, scenarios=("webhook_early",), share_of_scenarios=EARLY
)
LONGEST_SECONDS = 3600.0

# Each callback that was processed: how often its payment says that it was applied, and how often it came.
APPLIED = """
SELECT count(*), coalesce(sum(repeats + 1), 0), coalesce(sum((applied <> 1)::int), 0)
FROM (
    SELECT repeats, (
        SELECT count(*) FROM audit_logs
        WHERE audit_logs.event_type = 'webhook.received' AND audit_logs.transaction_id = webhook_events.transaction_id
            AND audit_logs.event_data->>'provider_event_id' = webhook_events.provider_event_id) AS applied
    FROM webhook_events) AS callbacks
"""


@click.command()
@click.option("--payments", default=2000, show_default=True)
@click.option("--per-second", default=15.0, show_default=True)
@click.option("--seed", type=int, help="Repeats the choices of the run that printed it.")
def main(payments: int, per_second: float, seed: int | None) -> None:
    """Bounded by the number of payments."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    seed = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    click.echo(f"seed {seed}; starting a private system of its own")
    multiplier = Multiplier(seed)
    with stage(seed, callbacks_url=multiplier.url) as played:
        multiplier.start(played.environment["INGEST_URL"])
        try:
            row, problems = _play(played, multiplier, payments, per_second)
        finally:
            multiplier.stop()
    click.echo(f"{HEADER}\n{as_text(row)}")
    for line in [*as_problems(row, smoke=False), *(f"    {problem}" for problem in problems)]:
        click.echo(line)
    raise SystemExit(0 if row.passed and not problems else 1)


def _play(stage: Stage, multiplier: Multiplier, payments: int, per_second: float) -> tuple[Row, Sequence[str]]:
    give_up_at = time.monotonic() + LONGEST_SECONDS
    with stage.load("callback storm", MIX, rate=per_second) as load:
        while sum(each.resource_id is not None for each in list(load.requests)) < payments:
            if time.monotonic() > give_up_at:
                break
            time.sleep(0.1)
    problems = [] if multiplier.wait(LATE_SECONDS + 120) else ["not every copy was acknowledged"]
    problems += [] if stage.settle() else ["it did not come to rest"]
    early = sum(each.scenario == "webhook_early" for each in load.requests)
    row = stage.judge(
        "callback storm",
        load.requests,
        stage.look(load.requests),
        repetitions=sum(each.resource_id is not None for each in load.requests),
        wanted=payments,
        note=f"{early} early, {dict(multiplier.told)}",
    )
    return row, [*problems, *_wrongly_applied(stage, multiplier)]


def _wrongly_applied(stage: Stage, multiplier: Multiplier) -> Sequence[str]:
    with closing(psycopg2.connect(stage.environment["DATABASE_OWNER_URL"])) as connection, connection.cursor() as ask:
        ask.execute(APPLIED)
        found = ask.fetchone()
    assert found is not None
    callbacks, came, wrong = map(int, found)
    click.echo(f"{callbacks} callbacks came {came} times ({multiplier.acknowledged} copies acknowledged)")
    problems = [f"{wrong} callbacks were not applied exactly once"] if wrong else []
    return problems + ([] if came == multiplier.acknowledged else ["the database has counted otherwise"])


if __name__ == "__main__":
    main()
