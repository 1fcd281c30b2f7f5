"""``payctl rebuild-queues``: after RabbitMQ has lost its messages."""

import click

from services.payctl.bootstrap import Tools
from shared.application.actor import process_actor
from shared.application.rebuild_queues import RebuildQueues


@click.command("rebuild-queues")
@click.pass_obj
def rebuild_queues(tools: Tools) -> None:
    """Declare every queue, and give every unfinished payment, capture, refund, payout and callback its next message.

    For a broker that was wiped or replaced. Safe to repeat, and while payments run: what may have been sent to a
    provider is asked about, never sent again.
    """
    tools.declare_queues()
    rebuilt = RebuildQueues(tools.unit_of_work, tools.clock)(process_actor("payctl"))
    click.echo(
        f"{rebuilt.payments} payments, {rebuilt.captures} captures, {rebuilt.refunds} refunds, "
        f"{rebuilt.payouts} payouts and {rebuilt.callbacks} callbacks got a new message; "
        f"{rebuilt.unpublished} older messages wait for the relay"
    )
