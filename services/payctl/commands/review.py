"""``payctl review``: what nobody asks about any more, and an operator's verdict on it."""

from typing import Literal, assert_never
from uuid import UUID

import click

from services.payctl.bootstrap import Tools
from shared.application.actor import process_actor
from shared.application.apply_outcome import apply_outcome
from shared.application.check_schedule import CheckSchedule
from shared.application.journal import record_audit
from shared.application.outcome_context import OutcomeContext
from shared.application.subjects import Owner, Subject
from shared.application.views import time_view
from shared.domain.capture import Capture
from shared.domain.failure import FailureCode
from shared.domain.ids import TransactionId
from shared.domain.outcome import Declined, Outcome, Succeeded
from shared.domain.payout import Payout
from shared.domain.refund import Refund
from shared.domain.transaction import Transaction
from shared.messaging.retry_ladder import RetryLadder
from shared.persistence.unit_of_work import UnitOfWork

LONGEST_LIST = 500

Verdict = Literal["succeeded", "failed", "cancelled"]


@click.group()
def review() -> None:
    """What somebody must look at."""


@review.command("list")
@click.pass_obj
def list_waiting(tools: Tools) -> None:
    """Everything that waits for somebody to look, payments first, the oldest first."""
    with tools.unit_of_work() as work:
        waiting: list[Subject] = [
            *work.transactions.in_review(LONGEST_LIST),
            *work.captures.in_review(LONGEST_LIST),
            *work.refunds.in_review(LONGEST_LIST),
            *work.payouts.in_review(LONGEST_LIST),
        ]
    for each in waiting:
        facts = f"{_noun(each):<8} {each.status:<15} {each.amount} {each.amount.currency}"
        reference = _reference(each) or "no reference"
        click.echo(f"{each.id}  {facts}  {each.provider}  {reference}  since {time_view(each.review_since)}")
    click.echo(f"{len(waiting)} waiting")


@review.command()
@click.argument("subject_id", metavar="ID", type=click.UUID)
@click.option("--as", "verdict", type=click.Choice(["succeeded", "failed", "cancelled"]), required=True)
@click.option("--reference", help="The provider's id of it, where we have none.")
@click.option("--reason", required=True, help="How you know; kept in the audit trail.")
@click.option("--operator", required=True, help="Who says so; kept in the audit trail.")
@click.pass_obj
def resolve(
    tools: Tools, subject_id: UUID, verdict: Verdict, reference: str | None, reason: str, operator: str
) -> None:
    """Say what became of a payment, capture, refund or payout that is in doubt or waits for review.

    Nothing is sent to the provider: look there first.
    """
    now = tools.clock.now()
    context = OutcomeContext(
        actor=process_actor(f"operator:{operator}"),
        now=now,
        ladder=RetryLadder(),
        checks=CheckSchedule(),
        told_by="operator",
    )
    with tools.unit_of_work() as work:
        owner, subject = _locked(work, subject_id)
        outcome = _outcome(subject, verdict, reference)
        details = {"id": str(subject.id), "verdict": verdict, "reference": reference, "reason": reason}
        record_audit(work, owner, "review.resolved", context.actor, details, at=now)
        apply_outcome(work, owner, subject, outcome, context)
        after = _find(work, subject_id)
        if after.is_unfinished:
            raise click.ClickException(f"it stays {after.status}, nothing was changed: are captures of it under way?")
        work.commit()
    click.echo(f"{subject_id}  {_noun(after)}  {subject.status} -> {after.status}")


def _locked(work: UnitOfWork, subject_id: UUID) -> tuple[Owner, Subject]:
    """What is to be resolved, which must be open to a verdict; and what it belongs to, locked."""
    owner = _lock_owner_of(work, _find(work, subject_id))
    # Read again under the lock: the first look came before it.
    subject = _find(work, subject_id)
    if owner is None or not _is_open(subject):
        raise click.ClickException(f"{subject_id} is {subject.status}, and neither in doubt nor in review")
    return owner, subject


def _lock_owner_of(work: UnitOfWork, subject: Subject) -> Owner | None:
    match subject:
        case Payout():
            return work.payouts.lock(subject.id)
        case Transaction():
            return work.transactions.lock(subject.id)
        case Capture() | Refund():
            return work.transactions.lock(subject.transaction_id)
        case unreachable:
            assert_never(unreachable)


def _find(work: UnitOfWork, subject_id: UUID) -> Subject:
    payment = work.transactions.find(TransactionId(subject_id))
    movement = work.captures.find(subject_id) or work.refunds.find(subject_id) or work.payouts.find(subject_id)
    found = payment or movement
    if found is None:
        raise click.ClickException(f"there is no payment, capture, refund or payout {subject_id}")
    return found


def _is_open(subject: Subject) -> bool:
    return subject.is_unfinished and (subject.status.value == "in_doubt" or subject.review_since is not None)


def _outcome(subject: Subject, verdict: Verdict, reference: str | None) -> Outcome:
    known = _reference(subject)
    if known is not None and reference not in {None, known}:
        raise click.ClickException(f"the provider's id of it is {known}, not {reference}")
    if verdict == "succeeded":
        if not (known or reference):
            raise click.ClickException("what succeeded has an id at the provider: give --reference")
        return Succeeded(reference=known or reference or "")
    if verdict == "cancelled" and not isinstance(subject, Transaction):
        raise click.ClickException("only a payment can be cancelled")
    code = FailureCode.CANCELLED_BY_CUSTOMER if verdict == "cancelled" else FailureCode.PROVIDER_FAILED
    return Declined(code=code, reference=reference)


def _reference(subject: Subject) -> str | None:
    return subject.provider_transaction_id if isinstance(subject, Transaction) else subject.reference


def _noun(subject: Subject) -> str:
    return "payment" if isinstance(subject, Transaction) else subject.noun
