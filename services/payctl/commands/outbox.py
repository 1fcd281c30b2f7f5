"""``payctl outbox``: what has not reached the broker, and why."""

import click

from services.payctl.bootstrap import Tools
from shared.application.views import time_view


@click.group()
def outbox() -> None:
    """Look at messages on their way out."""


@outbox.command(name="list")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.pass_obj
def list_waiting(tools: Tools, limit: int) -> None:
    """What the broker does not have yet, oldest first; with the tries it has refused, and when the next one is due."""
    with tools.unit_of_work() as work:
        waiting, refused = work.outbox.waiting(limit), work.outbox.count_refused()
    for message in waiting:
        verdict = f"{message.failure} after {message.tries}" if message.tries else "not tried by the relay yet"
        click.echo(
            f"{time_view(message.occurred_at)}  {message.type:<28} {message.exchange} {message.routing_key}"
            f"  {verdict}, due {time_view(message.due_at)}  {message.message_id}"
        )
    click.echo(f"{len(waiting)} shown; the broker has refused {refused}")
