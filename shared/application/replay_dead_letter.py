"""Decides about dead letters: sends them again, skips what is settled, discards. Every decision is audited."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from shared.application.actor import Actor
from shared.application.dead_letter_verdict import Decision, Verdict, verdict_on
from shared.domain.errors import NotFound
from shared.persistence.audit_entry import AuditEntry
from shared.persistence.dead_letters import DeadLetter, LetterFilter, LetterState
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.runtime.clock import Clock
from shared.runtime.identifiers import new_id
from shared.runtime.metrics import DEAD_LETTERS_DECIDED

PAGE = 200
FIRST = UUID(int=0)

_STATES = {Decision.REPLAYED: LetterState.REPLAYED, Decision.SKIPPED: LetterState.SKIPPED}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOrder:
    """``dry_run``: only say what would be done. ``per_second``: so many go out in a second; ``None``: all at once."""

    actor: Actor
    dry_run: bool = False
    per_second: float | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """A letter as it was before, and what was, or would be, done with it."""

    letter: DeadLetter
    decision: str
    sentence: str


class ReplayDeadLetter:
    """A letter goes out again through the outbox, as the same message with the same id.

    Whoever gets it finds the same guards as the first time: nothing is claimed, sent or applied twice.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work, self._clock = unit_of_work, clock

    def one(self, letter_id: UUID, order: ReplayOrder, *, wait: timedelta = timedelta()) -> Decided:
        """Decide about one letter; what goes out does so after ``wait``. Raises ``NotFound``."""
        now = self._clock.now()
        with self._unit_of_work() as work:
            letter = _locked(work, letter_id)
            verdict = verdict_on(work, letter, now)
            if not order.dry_run and letter.state is LetterState.WAITING:
                if verdict.message is not None:
                    work.outbox.send_again(replace(verdict.message, occurred_at=now), now + wait)
                self._decide(work, letter, verdict, order.actor)
            work.commit()
        return Decided(letter, verdict.decision, verdict.sentence)

    def all(self, wanted: LetterFilter, order: ReplayOrder, after: UUID = FIRST) -> Iterator[Decided]:
        """The same for all ``wanted`` that wait behind ``after``, oldest first, each in a transaction of its own."""
        sent = 0
        for letter_id in self.waiting(wanted, after):
            wait = timedelta(seconds=sent / order.per_second) if order.per_second else timedelta()
            decided = self.one(letter_id, order, wait=wait)
            sent += decided.decision == Decision.REPLAYED
            yield decided

    def waiting(self, wanted: LetterFilter, after: UUID = FIRST) -> Iterator[UUID]:
        """The ids of the letters that wait and are ``wanted``, the oldest first; read page by page."""
        wanted = replace(wanted, state=LetterState.WAITING)
        while True:
            with self._unit_of_work() as work:
                found = work.dead_letters.oldest_first(wanted, PAGE, after)
            yield from found
            if len(found) < PAGE:
                return
            after = found[-1]

    def discard(self, letter_id: UUID, why: str, order: ReplayOrder) -> Decided:
        """Put it away for good, because of ``why``; what is decided already stays so. Raises ``NotFound``."""
        with self._unit_of_work() as work:
            letter = _locked(work, letter_id)
            if letter.state is not LetterState.WAITING:
                return Decided(letter, Decision.SKIPPED, f"skipped: letter already {letter.state}")
            if not order.dry_run:
                self._put_away(work, letter, LetterState.DISCARDED, why, order.actor)
            work.commit()
        return Decided(letter, LetterState.DISCARDED, f"discarded: {why}")

    def _decide(self, work: UnitOfWork, letter: DeadLetter, verdict: Verdict, actor: Actor) -> None:
        state = _STATES.get(verdict.decision)
        if state is None:
            self._audit(work, letter, verdict.decision, verdict.why, actor)
        else:
            self._put_away(work, letter, state, verdict.why, actor)

    def _put_away(self, work: UnitOfWork, letter: DeadLetter, state: LetterState, why: str, actor: Actor) -> None:
        decided = replace(
            letter, state=state, decided_by=actor.user_id, decided_at=self._clock.now(), decision=f"{state}: {why}"
        )
        work.dead_letters.save_decision(decided)
        self._audit(work, letter, state, why, actor)

    def _audit(self, work: UnitOfWork, letter: DeadLetter, what: str, why: str, actor: Actor) -> None:
        DEAD_LETTERS_DECIDED.labels(decision=what).inc()
        about = {f"{letter.subject_kind}_id": str(letter.subject_id)} if letter.subject_kind else {}
        work.audit_log.append(
            AuditEntry(
                id=new_id(),
                event_type=f"dead_letter.{what}",
                timestamp=self._clock.now(),
                merchant_id=letter.merchant_id,
                transaction_id=letter.transaction_id,
                event_data={
                    **about,
                    "dead_letter_id": str(letter.id),
                    "message_id": str(letter.message_id),
                    "message_type": letter.message_type,
                    "why": why,
                },
                user_id=actor.user_id,
                ip_address=actor.ip_address,
                user_agent=actor.user_agent,
                request_id=actor.request_id,
            )
        )


def _locked(work: UnitOfWork, letter_id: UUID) -> DeadLetter:
    letter = work.dead_letters.lock(letter_id)
    if letter is None:
        raise NotFound("There is no such dead letter.")
    return letter
