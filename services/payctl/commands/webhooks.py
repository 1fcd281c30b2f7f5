"""``payctl webhooks``: merchants' endpoints, what is delivered to them, and an operator's hand in it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import click

from services.payctl.bootstrap import Tools
from shared.application.actor import Actor, process_actor
from shared.application.views import time_view
from shared.application.webhook_fanout import recover as recover_from_log
from shared.application.webhook_fanout import send_again
from shared.application.webhook_switch import record_endpoint_audit, switch_off, switch_on
from shared.domain.ids import MerchantId
from shared.domain.webhook_delivery import Delivery, DeliveryAttempt, DeliveryState
from shared.domain.webhook_endpoint import DisabledReason, WebhookEndpoint
from shared.persistence.unit_of_work import UnitOfWork
from shared.persistence.webhook_deliveries import DeliveryFilter

OPERATOR = click.option("--operator", required=True, help="Who does it; kept in the audit trail.")
ENDPOINT = click.argument("endpoint_id", metavar="ENDPOINT", type=click.UUID)


@click.group()
def webhooks() -> None:
    """Merchants' webhook endpoints and deliveries."""


@webhooks.command("endpoints")
@click.option("--merchant", "merchant_id", type=click.UUID, help="Of this merchant only.")
@click.pass_obj
def list_endpoints(tools: Tools, merchant_id: UUID | None) -> None:
    """All endpoints, newest first, each with how it stands."""
    with tools.unit_of_work() as work:
        found = work.webhook_endpoints.of_merchant(None if merchant_id is None else MerchantId(merchant_id))
    for each in found:
        click.echo(f"{each.id}  {each.merchant_id}  {each.url}  {_standing(each)}")
    click.echo(f"{len(found)} shown")


@webhooks.command("deliveries")
@ENDPOINT
@click.option("--state", type=click.Choice([each.value for each in DeliveryState]))
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.pass_obj
def list_deliveries(tools: Tools, endpoint_id: UUID, state: str | None, limit: int) -> None:
    """What was, or is to be, sent to an endpoint, newest first, each with its last attempt."""
    with tools.unit_of_work() as work:
        endpoint = _found(work.webhook_endpoints.find(endpoint_id), endpoint_id)
        narrowed_to = DeliveryFilter(endpoint_id=endpoint.id, state=None if state is None else DeliveryState(state))
        found = work.webhook_deliveries.page(narrowed_to, after=None, limit=limit)
        lines = [_line(each, work.webhook_deliveries.attempts_of(each.id)) for each in found]
    for line in lines:
        click.echo(line)
    click.echo(f"{len(found)} shown")


@webhooks.command()
@click.argument("delivery_id", metavar="DELIVERY", type=click.UUID)
@OPERATOR
@click.pass_obj
def resend(tools: Tools, delivery_id: UUID, operator: str) -> None:
    """Send one delivery again, whatever became of it."""
    now, actor = tools.clock.now(), _actor(operator)
    with tools.unit_of_work() as work:
        known = work.webhook_deliveries.find(delivery_id)
        if known is None:
            raise click.ClickException(f"there is no delivery {delivery_id}")
        endpoint = _listening(work, known.endpoint_id)
        send_again(work, endpoint, work.webhook_deliveries.lock(known.id) or known, now)
        details = {"delivery_id": str(known.id)}
        record_endpoint_audit(work, endpoint, "webhook_delivery.sent_again", actor, now, **details)
        work.commit()
    click.echo(f"{delivery_id}  is sent as soon as the relay and webhook_delivery run")


@webhooks.command()
@ENDPOINT
@click.option("--since", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z"]), required=True, help="2026-01-15T10:00:00+0000")
@OPERATOR
@click.pass_obj
def recover(tools: Tools, endpoint_id: UUID, since: datetime, operator: str) -> None:
    """Send what an endpoint has not taken of all that happened since a time; a thousand events at once."""
    now, actor = tools.clock.now(), _actor(operator)
    with tools.unit_of_work() as work:
        endpoint = _listening(work, endpoint_id)
        done = recover_from_log(work, endpoint, since, now)
        facts = {"since": time_view(since), "recovered": done.count}
        record_endpoint_audit(work, endpoint, "webhook_endpoint.recovered", actor, now, **facts)
        work.commit()
    click.echo(f"{done.count} deliveries are under way")
    if done.next_since is not None:
        click.echo(f"there is more: --since {done.next_since.isoformat()}")


@webhooks.command()
@ENDPOINT
@OPERATOR
@click.pass_obj
def enable(tools: Tools, endpoint_id: UUID, operator: str) -> None:
    """Switch an endpoint on: what waits for it goes on; what happened while it was off comes with recover."""
    with tools.unit_of_work() as work:
        endpoint = _found(work.webhook_endpoints.lock(endpoint_id), endpoint_id)
        if not endpoint.is_active:
            switch_on(work, endpoint, _actor(operator), tools.clock.now())
        work.commit()
    click.echo(f"{endpoint_id}  is on")


@webhooks.command()
@ENDPOINT
@OPERATOR
@click.pass_obj
def disable(tools: Tools, endpoint_id: UUID, operator: str) -> None:
    """Switch an endpoint off; the merchant's other endpoints are told."""
    with tools.unit_of_work() as work:
        endpoint = _found(work.webhook_endpoints.lock(endpoint_id), endpoint_id)
        if endpoint.is_active:
            switch_off(work, endpoint, DisabledReason.OPERATOR, _actor(operator), tools.clock.now())
        work.commit()
    click.echo(f"{endpoint_id}  is off")


def _standing(endpoint: WebhookEndpoint) -> str:
    if not endpoint.is_active:
        return f"off since {time_view(endpoint.disabled_at)}: {endpoint.disabled_reason}"
    if endpoint.failing_since is not None:
        return f"failing since {time_view(endpoint.failing_since)}, {endpoint.failures} in a row"
    return "quick" if endpoint.is_quick else "not known to be quick"


def _line(delivery: Delivery, attempts: Sequence[DeliveryAttempt]) -> str:
    last = f"last: {attempts[-1].status or attempts[-1].reason}" if attempts else "not tried yet"
    due = "" if delivery.next_try_at is None else f"  next {time_view(delivery.next_try_at)}"
    return f"{delivery.id}  {delivery.event_type:<28} {delivery.state:<9} {delivery.attempts} tried, {last}{due}"


def _listening(work: UnitOfWork, endpoint_id: UUID) -> WebhookEndpoint:
    endpoint = _found(work.webhook_endpoints.lock(endpoint_id), endpoint_id)
    if not endpoint.is_active:
        raise click.ClickException(f"{endpoint_id} is switched off; switch it on first")
    return endpoint


def _found(endpoint: WebhookEndpoint | None, endpoint_id: UUID) -> WebhookEndpoint:
    if endpoint is None:
        raise click.ClickException(f"there is no endpoint {endpoint_id}")
    return endpoint


def _actor(operator: str) -> Actor:
    return process_actor(f"operator:{operator}")
