"""``payctl payment``: one payment as an operator sees it."""

from uuid import UUID

import click

from services.payctl.bootstrap import Tools
from shared.application.views import time_view
from shared.domain.ids import TransactionId


@click.group()
def payment() -> None:
    """Look at one payment."""


@payment.command()
@click.argument("transaction_id", type=click.UUID)
@click.pass_obj
def show(tools: Tools, transaction_id: UUID) -> None:
    """Its facts, and everything that happened to it, oldest first."""
    with tools.unit_of_work() as work:
        found = work.transactions.find(TransactionId(transaction_id))
        if found is None:
            raise click.ClickException(f"there is no payment {transaction_id}")
        trail = work.audit_log.of_transaction(found.id)
        attempts = work.attempts.of_transaction(found.id)
    reference = found.provider_transaction_id or "no reference yet"
    click.echo(f"{found.id}  {found.status}  {found.amount} {found.amount.currency}  {found.provider}  {reference}")
    click.echo(
        f"captured {found.captured}, refunded {found.refunded}, next check {time_view(found.next_check_at) or '-'}"
    )
    for entry in trail:
        click.echo(f"{time_view(entry.timestamp)}  {entry.event_type:<28} by {entry.user_id or '-'}")
    for attempt in attempts:
        came_to = attempt.outcome or "under way"
        click.echo(f"{time_view(attempt.started_at)}  attempt {attempt.number} of {attempt.operation}: {came_to}")
