"""``payctl reconcile``: our books beside a provider's, and what an operator decides about a difference."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import click

from services.payctl.bootstrap import Tools, books_of
from shared.application.actor import process_actor
from shared.application.reconciliation_adoption import AdoptionRefused, Decision, ResolveItems
from shared.application.reconciliation_run import Reconcile, ReconciliationRunning
from shared.application.their_books import TheirBooks, Window
from shared.application.views import time_view
from shared.domain.errors import Misconfigured
from shared.domain.ids import MerchantId
from shared.domain.reconciliation import DifferenceKind, Side
from shared.persistence.reconciliations import Reconciliation, ReconciliationItem
from shared.provider_kit.provider import StatementUnavailable
from shared.runtime.crypto import CredentialUnreadable

# What the daily task looks back on, too.
LOOKBACK = timedelta(hours=72)

_WHEN = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"])
_OPERATOR = click.option("--operator", required=True, help="Your name, for the audit trail.")
_REASON = click.option("--reason", required=True, help="Why, for the audit trail.")


@click.group()
def reconcile() -> None:
    """Compare our books with a provider's, and settle what differs."""


@reconcile.command()
@click.option("--provider", required=True)
@click.option("--since", type=_WHEN, help="UTC; unless given, three days before the end, or what they can be asked.")
@click.option("--until", type=_WHEN, help="UTC; now unless given.")
@click.option("--operator", default="payctl", show_default=True, help="Your name, for the audit trail.")
@click.pass_obj
def run(tools: Tools, provider: str, since: datetime | None, until: datetime | None, operator: str) -> None:
    """Ask for their statement and compare. Nothing is mended: what contradicts it is asked about, the rest is kept."""
    end = tools.clock.now() if until is None else until.replace(tzinfo=UTC)
    window = Window(since=end - LOOKBACK if since is None else since.replace(tzinfo=UTC), until=end)
    if window.is_empty:
        raise click.ClickException("--since must be before --until")
    try:
        books = _books(tools, provider)
        if since is None:
            window = _askable(books, window, tools.clock.now())
        ended = Reconcile(tools.unit_of_work, tools.clock).run(books, window, process_actor(operator))
    except ReconciliationRunning:
        raise click.ClickException(f"another comparison with {provider} is under way") from None
    except (Misconfigured, CredentialUnreadable) as error:
        raise click.ClickException(str(error)) from None
    except StatementUnavailable as error:
        raise click.ClickException(f"{provider}'s statement could not be read: {error}") from None
    click.echo(_run_line(ended))


def _books(tools: Tools, provider: str) -> TheirBooks:
    books = books_of(provider, tools.open_provider(provider, None))
    if books is None:
        raise click.ClickException(f"{provider} gives no statements")
    return books


def _askable(books: TheirBooks, window: Window, now: datetime) -> Window:
    askable = books.askable(window, now)
    if askable.is_empty:
        raise click.ClickException(f"{books.provider} cannot be asked any more about what was before --until")
    return askable


@reconcile.command(name="list")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.pass_obj
def list_runs(tools: Tools, limit: int) -> None:
    """The comparisons made, newest first."""
    with tools.unit_of_work() as work:
        runs = work.reconciliations.list_newest_first(limit)
    for each in runs:
        click.echo(_run_line(each))


@reconcile.command()
@click.argument("run_id", type=click.UUID, metavar="ID")
@click.option("--limit", type=click.IntRange(1, 10_000), default=200, show_default=True)
@click.pass_obj
def show(tools: Tools, run_id: UUID, limit: int) -> None:
    """One comparison, and what differed in it; what is open comes first."""
    with tools.unit_of_work() as work:
        found, items = work.reconciliations.find(run_id), work.reconciliations.items_of(run_id, limit)
    if found is None:
        raise click.ClickException(f"there is no reconciliation {run_id}")
    click.echo(_run_line(found))
    for item in items:
        click.echo(_item_line(item))


@reconcile.command()
@click.argument("item_id", type=click.UUID, metavar="ITEM")
@click.option("--merchant", required=True, type=click.UUID, help="Whose payment it is.")
@_REASON
@_OPERATOR
@click.pass_obj
def adopt(tools: Tools, item_id: UUID, merchant: UUID, reason: str, operator: str) -> None:
    """Make a completed payment of one that only the provider knows. Doing it twice changes nothing."""
    decision = Decision(item_id=item_id, reason=reason, actor=process_actor(operator))
    try:
        payment = ResolveItems(tools.unit_of_work, tools.clock).adopt(decision, MerchantId(merchant))
    except AdoptionRefused as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"payment {payment.id}  {payment.amount} {payment.amount.currency}  merchant {payment.merchant_id}")


@reconcile.command()
@click.argument("item_id", type=click.UUID, metavar="ITEM")
@_REASON
@_OPERATOR
@click.pass_obj
def resolve(tools: Tools, item_id: UUID, reason: str, operator: str) -> None:
    """Close an item that was dealt with elsewhere; this changes nothing but the item."""
    decision = Decision(item_id=item_id, reason=reason, actor=process_actor(operator))
    try:
        item = ResolveItems(tools.unit_of_work, tools.clock).resolve(decision)
    except AdoptionRefused as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"item {item.id}  resolved")


def _run_line(run: Reconciliation) -> str:
    counted = [
        f"{name} {run.counts[name]}" for name in ("lines", "matched", *DifferenceKind, "asked") if name in run.counts
    ]
    window = f"{time_view(run.since)} to {time_view(run.until)}"
    return f"{run.id}  {run.provider}  {window}  {run.result}  {', '.join(counted)}  by {run.started_by}"


def _item_line(item: ReconciliationItem) -> str:
    found = item.found
    state = "open" if item.is_open else f"resolved by {item.resolved_by}: {item.resolution}"
    return (
        f"{item.id}  {found.kind} {found.subject}  ours {found.our_id or '-'} {_side(found.ours)}"
        f"  theirs {found.reference or '-'} {_side(found.theirs)}  {state}"
    )


def _side(side: Side | None) -> str:
    return "none" if side is None else f"{side.status} {side.amount} {side.amount.currency}"
