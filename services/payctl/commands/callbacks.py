"""``payctl callbacks``: what providers told that belongs to nobody (yet), such as money at a till without an owner."""

from pathlib import Path
from uuid import UUID

import click

from services.payctl.bootstrap import Tools
from shared.application.actor import process_actor
from shared.application.addressing import provider_event_again
from shared.application.views import time_view
from shared.domain.ids import WebhookEventId
from shared.persistence.audit_log import AuditEntry
from shared.persistence.unit_of_work import UnitOfWork
from shared.persistence.webhook_events import WebhookEvent
from shared.runtime.identifiers import new_id
from shared.runtime.spool_files import SET_ASIDE, state_of

FIRST = UUID(int=0)


@click.group()
def callbacks() -> None:
    """Callbacks that nobody has processed."""


@callbacks.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.pass_obj
def list_unprocessed(tools: Tools, limit: int) -> None:
    """The oldest first, each with what is missing and how often it has been looked at."""
    with tools.unit_of_work() as work:
        waiting = work.webhook_events.unprocessed(FIRST, limit)
    for event in waiting:
        verdict = event.result or "not looked at yet"
        click.echo(
            f"{event.id}  {event.provider:<8} {event.event_type:<24} {event.provider_event_id}"
            f"  {verdict}, looks: {event.retry_count}, came again: {event.repeats}  since {time_view(event.created_at)}"
        )
    click.echo(f"{len(waiting)} shown")


@callbacks.command("spooled")
@click.option("--folder", type=click.Path(path_type=Path), help="Instead of SPOOL_DIR.")
@click.pass_obj
def show_spooled(tools: Tools, folder: Path | None) -> None:
    """What webhook_ingest keeps on this machine because the database was away. Exit code 1: some of it is set aside."""
    looked_at = folder or tools.settings.spool_dir
    if looked_at is None:
        raise click.ClickException("SPOOL_DIR: where webhook_ingest keeps callbacks; not set, and no --folder given")
    state = state_of(looked_at)
    since = f", the oldest since {time_view(state.since)}" if state.since else ""
    click.echo(f"{looked_at}  {state.records} waiting in {state.files} files, {state.bytes} bytes{since}")
    if state.set_aside:
        raise click.ClickException(f"{state.set_aside} set aside in {looked_at / SET_ASIDE}: nobody could take them")


@callbacks.command("look-again")
@click.argument("event_id", metavar="ID", type=click.UUID)
@click.option("--reason", required=True, help="What has changed; kept in the audit trail.")
@click.option("--operator", required=True, help="Who asks; kept in the audit trail.")
@click.pass_obj
def look_again(tools: Tools, event_id: UUID, reason: str, operator: str) -> None:
    """Have a worker look at a callback again, after its till has got an owner. Repeating it is harmless."""
    with tools.unit_of_work() as work:
        event = _unprocessed(work, WebhookEventId(event_id))
        now = tools.clock.now()
        work.outbox.add(provider_event_again(event, now))
        work.audit_log.append(
            AuditEntry(
                id=new_id(),
                event_type="webhook.sent_again",
                timestamp=now,
                event_data={"webhook_event_id": str(event.id), "provider": event.provider, "reason": reason},
                user_id=process_actor(f"operator:{operator}").user_id,
            )
        )
        work.commit()
    click.echo(f"{event.id}  is looked at again as soon as the relay and a worker run")


def _unprocessed(work: UnitOfWork, event_id: WebhookEventId) -> WebhookEvent:
    event = work.webhook_events.lock(event_id)
    if event is None:
        raise click.ClickException(f"there is no callback {event_id}")
    if event.processed:
        raise click.ClickException(f"{event_id} has been processed: {event.result}")
    return event
