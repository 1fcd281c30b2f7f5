"""Claims before it calls, and records after: the order that prevents taking money twice."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import structlog

from services.provider_worker.gate import Gate, OpenGate, not_made
from shared.application.actor import process_actor
from shared.application.apply_outcome import apply_outcome
from shared.application.check_schedule import CheckSchedule
from shared.application.journal import record_audit
from shared.application.outcome_context import AUTHORIZATION_LIFETIME, OutcomeContext
from shared.application.provider_accounts import AccountUnusable
from shared.application.resending import key_may_be_forgotten
from shared.application.subjects import AnyMovement, Owner, ask_now, lock_owner, subject_of
from shared.domain.attempt import Attempt, Operation, provider_key
from shared.domain.capture import Capture
from shared.domain.ids import AttemptId
from shared.domain.outcome import InDoubt, Outcome
from shared.domain.payout import Payout
from shared.domain.refund import Refund
from shared.domain.transaction import Transaction
from shared.messaging.retry_ladder import RetryLadder
from shared.persistence.errors import StorageUnavailable
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.runtime.allowance import Allowance
from shared.runtime.clock import Clock
from shared.runtime.correlation import current_request_id
from shared.runtime.crash_points import reach
from shared.runtime.identifiers import new_id
from shared.runtime.metrics import PROVIDER_CALLS, PROVIDER_SECONDS

SERVICE = "provider_worker"

# What was accepted while its provider had no account waits so long between two looks.
ACCOUNT_PATIENCE = timedelta(minutes=1)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRules:
    """``lease_seconds``: how long an attempt is its worker's; ``record_seconds``: how long its outcome is kept in
    memory while the database is away. Both together stay below the broker's patience. ``authorization_lifetime``: how
    long what is reserved waits for its captures. ``can_cancel``: whether the provider cancels. ``idempotency_window``:
    how long it recognises a repeated key.
    """

    ladder: RetryLadder
    checks: CheckSchedule
    lease_seconds: int
    record_seconds: float = 60.0
    idempotency_window: timedelta | None = None
    authorization_lifetime: timedelta = AUTHORIZATION_LIFETIME
    can_cancel: bool = False


class Attempts:
    """Makes calls to one provider, each with a committed row before it."""

    def __init__(
        self, unit_of_work: UnitOfWorkFactory, clock: Clock, rules: AttemptRules, gate: Gate | None = None
    ) -> None:
        self._unit_of_work, self._clock, self._rules = unit_of_work, clock, rules
        self._warnings = Allowance(per_second=1 / ACCOUNT_PATIENCE.total_seconds(), burst=1)
        self._gate = gate or OpenGate()

    def begin(
        self,
        work: UnitOfWork,
        owner: Owner,
        operation: Operation,
        movement: AnyMovement | None = None,
    ) -> Attempt:
        """Add the row of a call about ``owner``, or about a movement of it. The caller has it locked, and commits."""
        now = self._clock.now()
        key = provider_key(operation, owner.id if movement is None else movement.id)
        attempt = Attempt(
            id=AttemptId(new_id()),
            merchant_id=owner.merchant_id,
            transaction_id=owner.id if isinstance(owner, Transaction) else None,
            payout_id=owner.id if isinstance(owner, Payout) else None,
            refund_id=movement.id if isinstance(movement, Refund) else None,
            capture_id=movement.id if isinstance(movement, Capture) else None,
            provider=owner.provider,
            operation=operation,
            number=work.attempts.count(key) + 1,
            provider_key=key,
            started_at=now,
            lease_until=now + timedelta(seconds=self._rules.lease_seconds),
        )
        work.attempts.add(attempt)
        return attempt

    def may_be_taken_for_new(self, work: UnitOfWork, operation: Operation, subject_id: UUID) -> bool:
        """Whether the provider may have forgotten this operation's key: then it is not sent again."""
        first_sent_at = work.attempts.first_started_at(provider_key(operation, subject_id))
        return key_may_be_forgotten(first_sent_at, 0, self.context(None))

    def call(self, attempt: Attempt, ask: Callable[[], Outcome]) -> None:
        """Make the call that ``attempt`` announced, and record what came of it."""
        reach("worker.after_claim")
        started = time.perf_counter()
        outcome = self._outcome_of(attempt, ask)
        labels = {"provider": attempt.provider, "operation": attempt.operation}
        PROVIDER_SECONDS.labels(**labels).observe(time.perf_counter() - started)
        PROVIDER_CALLS.labels(**labels, outcome=type(outcome).__name__).inc()
        log.info(
            "provider.called",
            operation=attempt.operation,
            outcome=type(outcome).__name__,
            attempt=attempt.number,
            **attempt.names(),
        )
        reach("worker.after_call")
        self._record(attempt, outcome)

    def _outcome_of(self, attempt: Attempt, ask: Callable[[], Outcome]) -> Outcome:
        if self._clock.now() >= attempt.lease_until:
            # Frozen since the claim: by now it may be somebody else's.
            return not_made(attempt.operation, "lease_expired")
        return self._gate.pass_through(attempt, partial(_answer_of, attempt.operation, ask))

    def _record(self, attempt: Attempt, outcome: Outcome) -> None:
        """The outcome is known here alone: while the database is away, it is held."""
        give_up_at = time.monotonic() + self._rules.record_seconds
        while True:
            try:
                self._record_once(attempt, outcome)
            except StorageUnavailable:
                if time.monotonic() > give_up_at:
                    raise
                log.warning("attempt.outcome_held", **attempt.names())
                time.sleep(0.5)
            else:
                return

    def _record_once(self, attempt: Attempt, outcome: Outcome) -> None:
        now = self._clock.now()
        with self._unit_of_work() as work:
            owner = lock_owner(work, attempt)
            if owner is None:
                return
            reason = getattr(outcome, "reason", None) or getattr(outcome, "provider_message", None)
            if work.attempts.finish(attempt.id, now=now, outcome=type(outcome).__name__, reason=reason):
                apply_outcome(work, owner, subject_of(work, owner, attempt), outcome, self.context(attempt))
            else:
                self._note_late_answer(work, owner, attempt, outcome)
            work.commit()

    def _note_late_answer(self, work: UnitOfWork, owner: Owner, attempt: Attempt, outcome: Outcome) -> None:
        """The lease had run out and others acted on that: the provider is asked, now, for what is true."""
        now = self._clock.now()
        ask_now(work, owner, now)
        details = {"attempt": attempt.number, "operation": attempt.operation.value, "outcome": type(outcome).__name__}
        actor = process_actor(SERVICE, current_request_id())
        record_audit(work, owner, "attempt.late_answer", actor, details, at=now)

    def wait_for_account(self, provider: str) -> datetime:
        """When to look again for an account that there is none of yet."""
        if self._warnings.take():
            log.warning("worker.waits_for_account", provider=provider)
        return self._clock.now() + ACCOUNT_PATIENCE

    def context(self, attempt: Attempt | None) -> OutcomeContext:
        """What applying an outcome of ``attempt`` needs to know; of a callback, where there is none."""
        return OutcomeContext(
            actor=process_actor(SERVICE, current_request_id()),
            now=self._clock.now(),
            ladder=self._rules.ladder,
            checks=self._rules.checks,
            operation=None if attempt is None else attempt.operation,
            idempotency_window=self._rules.idempotency_window,
            authorization_lifetime=self._rules.authorization_lifetime,
            can_cancel=self._rules.can_cancel,
            tries_made=1 if attempt is None else attempt.number,
        )


def _answer_of(operation: Operation, ask: Callable[[], Outcome]) -> Outcome:
    try:
        return ask()
    except AccountUnusable as error:
        # What only asks has learnt nothing: its NotSent would prove that the provider knows of nothing.
        return not_made(operation, f"misconfigured: {error}")
    except Exception as error:  # an adapter with a bug may have sent: a doubt, not a failure
        log.exception("provider.adapter_failed", error=type(error).__name__)
        return InDoubt(reason=f"adapter failed: {type(error).__name__}")
