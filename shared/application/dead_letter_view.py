"""How a dead letter reads."""

from datetime import datetime

from shared.application.views import View, time_view
from shared.persistence.dead_letters import DeadLetter, LetterState


def dead_letter_view(letter: DeadLetter, now: datetime) -> View:
    """``age_seconds``: since when it has been waiting; nothing, once it has been decided about."""
    is_waiting = letter.state is LetterState.WAITING
    return {
        "id": str(letter.id),
        "state": letter.state.value,
        "message_id": str(letter.message_id),
        "message_type": letter.message_type,
        "queue": letter.queue,
        "exchange": letter.exchange,
        "routing_key": letter.routing_key,
        "provider": letter.provider,
        "merchant_id": _text(letter.merchant_id),
        "transaction_id": _text(letter.transaction_id),
        "subject_kind": letter.subject_kind,
        "subject_id": _text(letter.subject_id),
        "reason": letter.reason,
        "first_error": None if letter.first_error is None else dict(letter.first_error),
        "last_error": None if letter.last_error is None else dict(letter.last_error),
        "tries": letter.tries,
        "deaths": letter.deaths,
        "headers": dict(letter.headers),
        "body": letter.body,
        "body_bytes": letter.body_bytes,
        "body_is_exact": letter.is_exact,
        "first_died_at": time_view(letter.first_died_at),
        "last_died_at": time_view(letter.last_died_at),
        "age_seconds": max(0, int((now - letter.last_died_at).total_seconds())) if is_waiting else None,
        "decided_by": letter.decided_by,
        "decided_at": time_view(letter.decided_at),
        "decision": letter.decision,
    }


def _text(given: object) -> str | None:
    return None if given is None else str(given)
