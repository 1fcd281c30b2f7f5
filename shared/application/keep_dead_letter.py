"""Takes a dead letter over from the broker: stored, with what it is about, it can be found, shown and replayed."""

import json
from uuid import UUID

from shared.contracts.messages.codec import MAX_BODY_BYTES, AnyMessage, MessageUnreadable, decode
from shared.domain.ids import MerchantId, PayoutId, TransactionId, WebhookEventId
from shared.messaging.dead_letters import ArrivedLetter, NotedError
from shared.messaging.topology import provider_of
from shared.persistence.dead_letters import DeadLetter, ErrorNote
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.runtime.identifiers import new_id
from shared.runtime.metrics import DEAD_LETTERS_KEPT
from shared.runtime.redaction import redact

# Of what is no message of ours, so much is shown.
MAX_SHOWN = 4_000

# What a message is about, by the first of these fields that it has.
SUBJECTS = {
    "refund_id": "refund",
    "capture_id": "capture",
    "payout_id": "payout",
    "webhook_event_id": "callback",
    "transaction_id": "payment",
    "endpoint_id": "endpoint",
    "test_id": "endpoint test",
}


class KeepDeadLetter:
    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, arrived: ArrivedLetter) -> None:
        """Repeating it is harmless. Raises ``StorageUnavailable``: then nobody but the broker has the letter."""
        with self._unit_of_work() as work:
            is_new = work.dead_letters.keep(_letter(work, arrived))
            work.commit()
        if is_new:
            DEAD_LETTERS_KEPT.labels(reason=_known(arrived.reason)).inc()


def _letter(work: UnitOfWork, arrived: ArrivedLetter) -> DeadLetter:
    message = _message(arrived.body)
    kind, subject_id = _subject_of(message)
    merchant_id, transaction_id = _owner_of(work, message)
    body, is_exact = _kept_body(arrived.body)
    return DeadLetter(
        id=new_id(),
        message_id=arrived.message_id,
        merchant_id=merchant_id,
        transaction_id=transaction_id,
        subject_kind=kind,
        subject_id=subject_id,
        provider=getattr(message, "provider", None) or provider_of(arrived.queue),
        queue=arrived.queue,
        exchange=arrived.exchange,
        routing_key=arrived.routing_key,
        message_type=arrived.message_type,
        reason=arrived.reason,
        first_error=_note(arrived.first_error),
        last_error=_note(arrived.last_error),
        tries=arrived.tries,
        headers=arrived.headers,
        body=body,
        body_bytes=len(arrived.body),
        is_exact=is_exact,
        first_died_at=arrived.died_at,
        last_died_at=arrived.died_at,
    )


def _message(body: bytes) -> AnyMessage | None:
    try:
        return decode(body)
    except MessageUnreadable:
        return None


def _subject_of(message: AnyMessage | None) -> tuple[str | None, UUID | None]:
    named = next((name for name in SUBJECTS if getattr(message, name, None) is not None), None)
    return (None, None) if named is None else (SUBJECTS[named], getattr(message, named))


def _owner_of(work: UnitOfWork, message: AnyMessage | None) -> tuple[MerchantId | None, TransactionId | None]:
    """Whose it is, and of which payment, as far as that is known."""
    transaction_id: TransactionId | None = getattr(message, "transaction_id", None)
    if (event_id := getattr(message, "webhook_event_id", None)) is not None:
        event = work.webhook_events.find(WebhookEventId(event_id))
        transaction_id = None if event is None else event.transaction_id
    if (payout_id := getattr(message, "payout_id", None)) is not None:
        payout = work.payouts.find(PayoutId(payout_id))
        return (None if payout is None else payout.merchant_id), None
    payment = None if transaction_id is None else work.transactions.find(transaction_id)
    return (None, None) if payment is None else (payment.merchant_id, payment.id)


def _kept_body(body: bytes) -> tuple[str, bool]:
    """The body, and whether it is exact.

    Messages of ours carry ids and times, so nothing in them needs hiding and they are kept as they are. Where that is
    not so, it is no message of ours: what is kept is redacted, escaped and cut, and cannot be sent again.
    """
    text = body[: MAX_BODY_BYTES + 1].decode("utf-8", "backslashreplace")
    parsed = _parsed(text)
    redacted = redact(parsed or text)
    if len(body) <= MAX_BODY_BYTES and text.encode() == body and parsed is not None and redacted == parsed:
        return text, True
    shown = json.dumps(redacted) if parsed is not None else str(redacted)
    return shown.encode("unicode_escape").decode("ascii")[:MAX_SHOWN], False


def _parsed(text: str) -> dict[str, object] | None:
    try:
        parsed = json.loads(text)
        # What is nested too deeply to be written is too deep to be redacted.
        return parsed if isinstance(parsed, dict) and json.dumps(parsed) else None
    except (ValueError, RecursionError):
        return None


def _note(noted: NotedError | None) -> ErrorNote | None:
    return None if noted is None else {"error": noted.error, "message": noted.message, "at": noted.at}


def _known(reason: str) -> str:
    """A metric's labels come from a closed set."""
    known = {"unreadable", "rejected", "retries_spent", "delivery_limit", "expired", "maxlen"}
    return reason if reason in known else "other"
