"""``payctl dlq``: messages that nobody could handle, and an operator's decision about each."""

import functools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any
from uuid import UUID

import click

from services.payctl.bootstrap import Tools
from services.payctl.durations import Duration
from shared.application.actor import process_actor
from shared.application.dead_letter_verdict import verdict_on
from shared.application.dead_letter_view import dead_letter_view
from shared.application.replay_dead_letter import Decided, ReplayDeadLetter, ReplayOrder
from shared.application.views import time_view
from shared.domain.errors import NotFound
from shared.persistence.dead_letters import LetterFilter, LetterState

_NARROWING = (
    click.option("--queue", help="Which it died in, such as gw.q.cmd.cpay."),
    click.option("--type", "message_type", help="The message's, such as payment.initialize.v1."),
    click.option("--provider", help="Such as cpay."),
    click.option("--reason", help="retries_spent, rejected, unreadable, delivery_limit …"),
    click.option("--older-than", type=Duration(), help="Dead for at least so long, such as 15m or 2d."),
)
_NAMES = ("queue", "message_type", "provider", "reason", "older_than")
_DECIDING = (
    click.argument("letter_id", metavar="[ID]", type=click.UUID, required=False),
    *_NARROWING,
    click.option("--all", "everything", is_flag=True, help="All that wait."),
    click.option("--operator", help="Who decides; kept in the audit trail. Required, but for a dry run."),
    click.option("--dry-run", is_flag=True, help="Only say what would be done."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which letters, who decides (nobody, in a dry run), and whether really."""

    letter_id: UUID | None
    everything: bool
    operator: str | None
    dry_run: bool
    queue: str | None
    message_type: str | None
    provider: str | None
    reason: str | None
    older_than: timedelta | None

    def order(self, per_second: float | None = None) -> ReplayOrder:
        if self.operator is None and not self.dry_run:
            raise click.UsageError("Missing option '--operator': only a --dry-run is nobody's.")
        actor = process_actor(f"operator:{self.operator}")
        return ReplayOrder(actor=actor, dry_run=self.dry_run, per_second=per_second)


def _with(*options: Callable[[Callable[..., None]], Callable[..., None]]) -> Callable[..., Callable[..., None]]:
    def add(command: Callable[..., None]) -> Callable[..., None]:
        return functools.reduce(lambda made, option: option(made), reversed(options), command)

    return add


def _deciding(command: Callable[..., None]) -> Callable[..., None]:
    """Collects the options; whatever is wrong is told in one line."""

    @_with(*_DECIDING)
    @functools.wraps(command)
    def run(tools: Tools, /, **given: Any) -> None:
        selection = Selection(**{each.name: given.pop(each.name) for each in fields(Selection)})
        try:
            command(tools, selection, **given)
        except NotFound as error:
            raise click.ClickException(error.detail) from None

    return run


@click.group()
def dlq() -> None:
    """Look at dead letters, and decide about them."""


@dlq.command("list")
@_with(*_NARROWING)
@click.option("--state", type=click.Choice([*map(str, LetterState), "all"]), default="waiting", show_default=True)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.pass_obj
def list_letters(tools: Tools, /, state: str, limit: int, **narrowing: Any) -> None:
    """The newest first; how many wait in all is in the last line."""
    wanted = _filter(tools, narrowing, None if state == "all" else LetterState(state))
    with tools.unit_of_work() as work:
        found = work.dead_letters.newest_first(wanted, limit)
        waiting, oldest = work.dead_letters.waiting()
    for letter in found:
        error = (letter.last_error or {}).get("error", "no error noted")
        about = f"{letter.subject_kind} {letter.subject_id}" if letter.subject_kind else "nothing we know"
        click.echo(
            f"{letter.id}  {letter.state:<9} {letter.message_type or 'unknown type':<26} {letter.reason:<14} {error}"
            f"  {about}  tries: {letter.tries}, deaths: {letter.deaths}, last {time_view(letter.last_died_at)}"
        )
    since = "" if oldest is None else f", the oldest since {time_view(oldest)}"
    click.echo(f"{len(found)} shown; {waiting} waiting{since}")


@dlq.command()
@click.argument("letter_id", metavar="ID", type=click.UUID)
@click.pass_obj
def show(tools: Tools, letter_id: UUID) -> None:
    """All that is known of one letter, and what a replay would do, as JSON."""
    with tools.unit_of_work() as work:
        letter = work.dead_letters.find(letter_id)
        if letter is None:
            raise click.ClickException("There is no such dead letter.")
        would = verdict_on(work, letter, tools.clock.now()).sentence
    shown = {**dead_letter_view(letter, tools.clock.now()), "a_replay_would_say": would}
    click.echo(json.dumps(shown, indent=2, ensure_ascii=False))


@dlq.command()
@click.option("--rate", type=click.FloatRange(0.01, 1000), help="So many a second, at most; all at once without it.")
@click.pass_obj
@_deciding
def replay(tools: Tools, selection: Selection, rate: float | None) -> None:
    """Send letters out again: the one with this ID, those that the options choose, or --all.

    What has been settled in the meantime is skipped, and never done twice. The same message goes out again, under the
    same id; it leaves through the outbox, so relay and worker must run.
    """
    wanted, desk, order = _chosen(tools, selection), _desk(tools), selection.order(rate)
    one = selection.letter_id
    _tell([desk.one(one, order)] if one else desk.all(wanted, order), dry_run=selection.dry_run)


@dlq.command()
@click.option("--why", required=True, help="Kept with the letter, and in the audit trail.")
@click.pass_obj
@_deciding
def discard(tools: Tools, selection: Selection, why: str) -> None:
    """Put letters away for good: the one with this ID, those that the options choose, or --all."""
    wanted, desk, order = _chosen(tools, selection), _desk(tools), selection.order()
    ids = [selection.letter_id] if selection.letter_id else desk.waiting(wanted)
    _tell((desk.discard(each, why, order) for each in ids), dry_run=selection.dry_run)


def _desk(tools: Tools) -> ReplayDeadLetter:
    return ReplayDeadLetter(tools.unit_of_work, tools.clock)


def _chosen(tools: Tools, selection: Selection) -> LetterFilter:
    """Exactly one of the ways to choose, so that nobody decides about everything by leaving something out."""
    narrowing = {name: getattr(selection, name) for name in _NAMES}
    wanted = _filter(tools, narrowing, LetterState.WAITING)
    if sum((selection.letter_id is not None, wanted.narrows, selection.everything)) != 1:
        raise click.UsageError("say which: one ID, or options such as --queue and --type, or --all")
    return wanted


def _filter(tools: Tools, narrowing: Mapping[str, Any], state: LetterState | None) -> LetterFilter:
    age: timedelta | None = narrowing["older_than"]
    return LetterFilter(
        state=state,
        died_before=None if age is None else tools.clock.now() - age,
        **{name: narrowing[name] for name in _NAMES if name != "older_than"},
    )


def _tell(decided: Iterable[Decided], *, dry_run: bool) -> None:
    counts: Counter[str] = Counter()
    for each in decided:
        counts[each.decision] += 1
        click.echo(f"{each.letter.id}  {each.letter.message_type or 'unknown type':<26} {each.sentence}")
    summary = ", ".join(f"{number} {decision}" for decision, number in sorted(counts.items())) or "nothing waits"
    click.echo(f"{summary}{' (dry run: nothing was done)' if dry_run else ''}")
