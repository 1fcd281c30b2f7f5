"""``payctl clock``: has what waits for its time happen now. Only in a sandbox."""

from datetime import timedelta

import click

from services.payctl.bootstrap import Tools, open_parked
from services.payctl.durations import Duration
from shared.application.actor import process_actor
from shared.messaging.connection import BROKER_ERRORS
from shared.messaging.publisher import PublishFailed
from shared.persistence.audit_log import AuditEntry
from shared.runtime.identifiers import new_id


@click.group()
def clock() -> None:
    """Have what waits happen now."""


@clock.command()
@click.argument("duration", type=Duration())
@click.option("--operator", default="payctl", show_default=True, help="Your name, for the audit trail.")
@click.pass_obj
def advance(tools: Tools, duration: timedelta, operator: str) -> None:
    """Make due now what would be due within DURATION (90s, 15m, 1h30m): retries, checks and messages that wait.

    The time itself stays as it is: nothing expires earlier by this, and what is due later stays so.
    """
    if tools.settings.environment == "production":
        raise click.ClickException("in production the clock is not advanced; ENVIRONMENT=sandbox does")
    now = tools.clock.now()
    with tools.unit_of_work() as work:
        brought = work.due_times.bring_forward(now, now + duration)
        work.audit_log.append(
            AuditEntry(
                id=new_id(),
                event_type="clock.advanced",
                timestamp=now,
                event_data={"seconds": int(duration.total_seconds()), **brought},
                user_id=process_actor(f"operator:{operator}").user_id,
            )
        )
        work.commit()
    try:
        released = open_parked(tools.settings).release(now, duration)
    except (*BROKER_ERRORS, PublishFailed) as error:
        told = (
            f"the broker's part was not done ({type(error).__name__}): is it there, and RETRY_DELAYS_MS the workers'?"
        )
        raise click.ClickException(f"{told} Then repeat it.") from None
    for what, number in {**brought, **released}.items():
        click.echo(f"{what:<24} {number}")
