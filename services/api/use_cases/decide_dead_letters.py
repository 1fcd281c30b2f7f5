"""Shows dead letters to the platform's admins, and has them decide."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

from services.api.use_cases.ids import id_of, queried_id
from shared.application.actor import Actor
from shared.application.dead_letter_view import dead_letter_view
from shared.application.replay_dead_letter import FIRST, Decided, ReplayDeadLetter, ReplayOrder
from shared.application.views import View
from shared.domain.errors import FieldError, NotFound, ValidationFailed
from shared.persistence.dead_letters import LetterFilter, LetterState
from shared.persistence.unit_of_work import UnitOfWorkFactory
from shared.runtime.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which letters, as the caller says it."""

    queue: str | None
    message_type: str | None
    provider: str | None
    reason: str | None
    older_than_seconds: int | None
    state: LetterState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Up to ``limit`` letters behind ``after``, a cursor; ``everything``: no property narrows them."""

    limit: int
    after: str | None
    everything: bool


class DecideDeadLetters:
    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work, self._clock = unit_of_work, clock
        self._desk = ReplayDeadLetter(unit_of_work, clock)

    def page(self, choice: Choice, limit: int, after: str | None) -> View:
        """The newest first. Raises ``ValidationFailed`` for a cursor that is none."""
        cursor, now = queried_id("after", after), self._clock.now()
        with self._unit_of_work() as work:
            found = work.dead_letters.newest_first(self._filter(choice), limit + 1, cursor)
            waiting, _ = work.dead_letters.waiting()
        shown = found[:limit]
        return {
            "data": [dead_letter_view(letter, now) for letter in shown],
            "has_more": len(found) > limit,
            "limit": limit,
            "next_cursor": str(shown[-1].id) if len(found) > limit else None,
            "waiting": waiting,
        }

    def read(self, letter_id: str) -> View:
        """Raises ``NotFound``."""
        with self._unit_of_work() as work:
            letter = work.dead_letters.find(id_of("dead letter", letter_id))
        if letter is None:
            raise NotFound("There is no such dead letter.")
        return dead_letter_view(letter, self._clock.now())

    def replay(self, letter_id: str, order: ReplayOrder) -> View:
        """Raises ``NotFound``."""
        return _decision(self._desk.one(id_of("dead letter", letter_id), order))

    def discard(self, letter_id: str, why: str, actor: Actor) -> View:
        """Raises ``NotFound``."""
        return _decision(self._desk.discard(id_of("dead letter", letter_id), why, ReplayOrder(actor=actor)))

    def replay_all(self, choice: Choice, order: ReplayOrder, part: Part) -> View:
        """A part of those that wait, the oldest first. Raises ``ValidationFailed`` where none are chosen."""
        wanted, after = self._filter(choice), queried_id("/after", part.after)
        if wanted.narrows == part.everything:
            problem = FieldError("/all", "must be true, or at least one property be given, and not both")
            raise ValidationFailed("Some fields are not acceptable.", problem)
        decided = list(islice(self._desk.all(wanted, order, after or FIRST), part.limit))
        return _decisions(decided, order, has_more=len(decided) == part.limit and self._waits_behind(wanted, decided))

    def _waits_behind(self, wanted: LetterFilter, decided: Sequence[Decided]) -> bool:
        with self._unit_of_work() as work:
            return bool(work.dead_letters.oldest_first(wanted, 1, decided[-1].letter.id))

    def _filter(self, choice: Choice) -> LetterFilter:
        age = choice.older_than_seconds
        return LetterFilter(
            state=choice.state,
            queue=choice.queue,
            message_type=choice.message_type,
            provider=choice.provider,
            reason=choice.reason,
            died_before=None if age is None else self._clock.now() - timedelta(seconds=age),
        )


def _decision(decided: Decided) -> View:
    return {
        "id": str(decided.letter.id),
        "message_type": decided.letter.message_type,
        "decision": str(decided.decision),
        "sentence": decided.sentence,
    }


def _decisions(decided: Sequence[Decided], order: ReplayOrder, *, has_more: bool) -> View:
    return {
        "data": [_decision(each) for each in decided],
        "counts": dict(Counter(str(each.decision) for each in decided)),
        "dry_run": order.dry_run,
        "has_more": has_more,
        "next_cursor": str(decided[-1].letter.id) if has_more else None,
    }
