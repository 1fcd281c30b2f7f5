"""What clients read: one JSON object a frame."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.application.views import event_view, payment_view, time_view
from shared.domain.channel import Channel, ChannelKind
from shared.domain.transaction import Transaction
from shared.persistence.event_log import LoggedEvent
from shared.runtime.identifiers import new_id

SNAPSHOT, FEED_OPENED, RESYNC_REQUIRED = "payment.snapshot", "feed.opened", "resync_required"

# Why a place means nothing any more, and what the client does about it. Nothing has to be reconnected.
LOST = {
    "other_history": "The event log was restored. What you know may not have happened: forget it.",
    "unknown_place": "This log has never come by that place. What you know may not have happened: forget it.",
    "too_old": "The events behind that place are not kept any more.",
}
_WHAT_TO_DO = {
    ChannelKind.TRANSACTION: "Replace what you know by the payment.snapshot that comes next.",
    ChannelKind.USER: "Read what you show by GET once the feed.opened that comes next is here.",
}


@dataclass(frozen=True, slots=True)
class Frame:
    type: str
    text: str


def of_event(event: LoggedEvent, epoch: str) -> Frame:
    """One event; ``sequence`` or ``cursor`` is for ``?after=``, ``epoch`` for ``?epoch=``."""
    return Frame(event.event_type, _written(event_view(event) | {"epoch": epoch}))


def snapshot(payment: Transaction, epoch: str) -> Frame:
    """The payment as it is: all up to ``sequence`` is in it."""
    return _ours(
        SNAPSHOT,
        payment.updated_at,
        {
            "sequence": payment.version,
            "epoch": epoch,
            "transaction_id": str(payment.id),
            "data": payment_view(payment),
        },
    )


def feed_opened(channel: Channel, cursor: str, epoch: str, now: datetime) -> Frame:
    """A user's feed goes on behind ``cursor``."""
    return _ours(FEED_OPENED, now, {"cursor": cursor, "epoch": epoch, "data": {"user_id": str(channel.id)}})


def resync_required(channel: Channel, why: str, epoch: str, now: datetime) -> Frame:
    """``why`` is one of ``LOST``."""
    data = {"reason": why, "detail": LOST[why], "what_to_do": _WHAT_TO_DO[channel.kind]}
    return _ours(RESYNC_REQUIRED, now, {"epoch": epoch, "data": data})


def _ours(name: str, at: datetime, rest: Mapping[str, object]) -> Frame:
    """A frame of no event."""
    written = {"id": str(new_id()), "type": name, "occurred_at": time_view(at), **rest}
    return Frame(name, _written(written))


def _written(content: Mapping[str, object]) -> str:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False)
