"""The dispute's statuses. The provider decides where it goes; what is decided stays decided."""

from dataclasses import dataclass
from enum import StrEnum


class DisputeStatus(StrEnum):
    INQUIRY = "inquiry"
    OPEN = "open"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    CLOSED = "closed"


class DisputeTrigger(StrEnum):
    ESCALATE = "escalate"
    REVIEW = "review"
    WIN = "win"
    LOSE = "lose"
    CLOSE = "close"


class DisputeFunds(StrEnum):
    """Where the disputed money is, as far as the dispute has moved it."""

    UNMOVED = "unmoved"
    WITHDRAWN = "withdrawn"
    REINSTATED = "reinstated"


@dataclass(frozen=True, slots=True)
class DisputeTransition:
    """Where an edge leads, and the event that it emits."""

    status: DisputeStatus
    event_type: str


S, T = DisputeStatus, DisputeTrigger

_ENDS = {
    T.WIN: DisputeTransition(S.WON, "dispute.won"),
    T.LOSE: DisputeTransition(S.LOST, "dispute.lost"),
    T.CLOSE: DisputeTransition(S.CLOSED, "dispute.closed"),
}
_REVIEW = DisputeTransition(S.UNDER_REVIEW, "dispute.under_review")

TRANSITIONS: dict[tuple[DisputeStatus, DisputeTrigger], DisputeTransition] = {
    # the bank only asks; nothing has been taken back
    (S.INQUIRY, T.ESCALATE): DisputeTransition(S.OPEN, "dispute.escalated"),
    (S.INQUIRY, T.REVIEW): _REVIEW,
    **{(S.INQUIRY, end): edge for end, edge in _ENDS.items()},
    # the merchant may answer with evidence
    (S.OPEN, T.REVIEW): _REVIEW,
    **{(S.OPEN, end): edge for end, edge in _ENDS.items()},
    # the evidence is there
    **{(S.UNDER_REVIEW, end): edge for end, edge in _ENDS.items()},
}

OPENED = "dispute.opened"


def initial_of(reported: DisputeStatus) -> DisputeTransition:
    """How a dispute begins: as one of two, also when the first that is heard of it is its end."""
    return DisputeTransition(S.INQUIRY if reported is S.INQUIRY else S.OPEN, OPENED)


# The edge towards what a provider reports; an inquiry is only ever a beginning.
TRIGGERS: dict[DisputeStatus, DisputeTrigger] = {
    S.OPEN: T.ESCALATE,
    S.UNDER_REVIEW: T.REVIEW,
    S.WON: T.WIN,
    S.LOST: T.LOSE,
    S.CLOSED: T.CLOSE,
}

# Money goes this way only: withdrawn, and perhaps given back.
FUNDS_EVENTS: dict[tuple[DisputeFunds, DisputeFunds], tuple[str, ...]] = {
    (DisputeFunds.UNMOVED, DisputeFunds.WITHDRAWN): ("dispute.funds_withdrawn",),
    (DisputeFunds.UNMOVED, DisputeFunds.REINSTATED): ("dispute.funds_withdrawn", "dispute.funds_reinstated"),
    (DisputeFunds.WITHDRAWN, DisputeFunds.REINSTATED): ("dispute.funds_reinstated",),
}

EVENT_TYPES = frozenset(
    {
        OPENED,
        *(edge.event_type for edge in TRANSITIONS.values()),
        *(event_type for told in FUNDS_EVENTS.values() for event_type in told),
    }
)
