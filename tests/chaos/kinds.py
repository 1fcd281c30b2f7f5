"""The kinds of things that the proof follows: payments, and the movements beside them, each with its state table."""

from collections.abc import Mapping

from shared.domain import capture_status, movement_status, refund_status, transaction_status

# Another kind of movement is one more line here, if its table and its column in the event log are named for it.
MOVEMENTS: Mapping[str, movement_status.Transitions] = {
    "refund": refund_status.TRANSITIONS,
    "capture": capture_status.TRANSITIONS,
}

# (status before, status after, event), of each kind; before its first event a thing is nothing.
Edges = frozenset[tuple[str, str, str]]


def _edges_of_movement(noun: str, transitions: movement_status.Transitions) -> Edges:
    initial = movement_status.initial_of(noun)
    edges = {(str(before), str(edge.status), edge.event_type) for (before, _), edge in transitions.items()}
    return frozenset(edges | {("", str(initial.status), initial.event_type)})


def _edges_of_payment() -> Edges:
    initial = transaction_status.INITIAL
    table = transaction_status.TRANSITIONS
    edges = {(str(before), str(edge.status), edge.event_type) for (before, _), edge in table.items()}
    return frozenset(edges | {("", str(initial.status), initial.event_type)})


EDGES: Mapping[str, Edges] = {
    "payment": _edges_of_payment(),
    **{noun: _edges_of_movement(noun, transitions) for noun, transitions in MOVEMENTS.items()},
}
