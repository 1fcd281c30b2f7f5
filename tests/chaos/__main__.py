"""Shows that no accepted payment is lost and none is taken twice: ``python -m tests.chaos [--smoke] [--only NAME]``."""

import random
import signal
import sys
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import click

from deploy.local.errors import LocalError
from tests.chaos import battery_rows
from tests.chaos.crew import CrewLost
from tests.chaos.printing import HEADER, as_markdown, as_problems, as_text, verdict
from tests.chaos.provenance import provenance
from tests.chaos.report import Row
from tests.chaos.rows import FULL, SMOKE, Size, batteries, names, play, played_on_stage
from tests.chaos.stage import stage


@click.command()
@click.option("--smoke", is_flag=True, help="A few of each, in five minutes.")
@click.option("--only", help="Only the rows whose names contain this.")
@click.option("--seed", type=int, help="Repeats the choices of the run that printed it.")
@click.option("--write", type=click.Path(path_type=Path), help="Also write the table, as Markdown.")
@click.option("--list", "list_rows", is_flag=True, help="Name the rows, and play none.")
def main(smoke: bool, only: str | None, seed: int | None, write: Path | None, list_rows: bool) -> None:
    """Kill, cut off, freeze and confuse every part under load, then ask the provider, the database and the API."""
    size = SMOKE if smoke else FULL
    if list_rows:
        click.echo("\n".join(names(size)))
        return
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    seed = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    began, origin = time.monotonic(), provenance()
    rows: list[Row] = []
    broken_off: Exception | None = None
    try:
        _play(size, only, seed, rows)
    except (LocalError, CrewLost) as error:
        broken_off = error
    summary = verdict(rows, seed, time.monotonic() - began) + (f"; BROKEN OFF: {broken_off}" if broken_off else "")
    click.echo(summary)
    if write is not None:
        write.parent.mkdir(parents=True, exist_ok=True)
        write.write_text(as_markdown(rows, summary, origin), encoding="utf-8")
    if broken_off or not rows or not all(row.passed for row in rows):
        raise SystemExit(1)


def _play(size: Size, only: str | None, seed: int, rows: list[Row]) -> None:
    """Add each row as it ends: what has been played is told, whatever happens next."""
    click.echo(f"seed {seed}; starting a private system of its own")
    click.echo(HEADER)
    for row in chain(_scaled_down(size, only, seed), battery_rows.play(batteries(size, only), seed)):
        rows.append(row)
        click.echo(as_text(row))
        for line in as_problems(row, smoke=size is SMOKE):
            click.echo(line)


def _scaled_down(size: Size, only: str | None, seed: int) -> Iterator[Row]:
    """The crashes and faults, on a system whose minutes are half a second."""
    if not played_on_stage(size, only):
        return
    with stage(seed) as played:
        click.echo(f"(here the provider {'forgets' if played.provider_forgets else 'keeps'} idempotency keys)")
        yield from play(played, size, only)


if __name__ == "__main__":
    main(prog_name="prove")
