"""What must be true of our books and the provider's, at any moment and when all is quiet."""

from collections.abc import Iterable, Sequence, Set
from itertools import pairwise

from shared.domain.refund import Refund
from shared.domain.refund_status import INITIAL as REFUND_INITIAL
from shared.domain.refund_status import TRANSITIONS as REFUND_TRANSITIONS
from shared.domain.refund_status import RefundStatus
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import INITIAL, NOT_TAKEN, TRANSITIONS
from shared.persistence.event_log import LoggedEvent
from tests.property.gateway import Gateway

# After this many fruitless queries a doubt is somebody's to look at.
CHECKS_BEFORE_REVIEW = 10

_EDGES = {(before.value, edge.status.value, edge.event_type) for (before, _), edge in TRANSITIONS.items()}
_REFUND_EDGES = {(before.value, edge.status.value, edge.event_type) for (before, _), edge in REFUND_TRANSITIONS.items()}


def check_always(gateway: Gateway) -> None:
    """I1, I3, I4, I5, I9: in the middle of everything."""
    for payment in gateway.payments:
        _is_taken_once(gateway, payment)
        _says_taken_only_what_is_taken(gateway, payment)
        _gives_back_no_more_than_was_taken(gateway, payment)
        _moves_along_the_table(gateway, payment)


def check_quiet(gateway: Gateway) -> None:
    """I2, I3, I4, I11: everything has healed, and nothing is left to do."""
    assert not gateway.broker.letters, "the broker still has messages"
    assert not gateway.broker.dead
    assert all(row.published_at for row in gateway.rows.outbox.values()), "the outbox is not empty"
    assert all(event.processed for event in gateway.rows.webhook_events.values()), "a callback was forgotten"
    assert all(attempt.finished_at for attempt in gateway.rows.attempts.values()), "an attempt was forgotten"
    for payment in gateway.payments:
        refunds = [each for each in gateway.refunds if each.transaction_id == payment.id]
        assert is_over(payment), f"{payment.id} is {payment.status} and nobody will look at it"
        assert all(map(is_over, refunds)), f"a refund of {payment.id} is unfinished and nobody will look at it"
        if not _is_for_review(gateway, payment, refunds):
            _books_agree(gateway, payment)


def is_over(subject: Transaction | Refund) -> bool:
    """Final, or set aside for a person."""
    return not subject.is_unfinished or subject.review_since is not None


def _is_for_review(gateway: Gateway, payment: Transaction, refunds: Iterable[Refund]) -> bool:
    """In doubt for good, or written down as contradicted: a person will compare the books."""
    contradicted = "outcome.refused" in gateway.books.audit_types(payment)
    return contradicted or payment.is_unfinished or any(each.is_unfinished for each in refunds)


def _is_taken_once(gateway: Gateway, payment: Transaction) -> None:
    captures = gateway.ledger.captures(payment.id)
    assert len(captures) <= 1, f"taken {len(captures)} times: {[each.reference for each in captures]}"


def _says_taken_only_what_is_taken(gateway: Gateway, payment: Transaction) -> None:
    theirs = gateway.ledger.captured(payment.id)
    assert payment.captured.amount_minor_units <= theirs, f"we say {payment.captured}, the provider {theirs}"


def _gives_back_no_more_than_was_taken(gateway: Gateway, payment: Transaction) -> None:
    alive = [
        each.amount.amount_minor_units
        for each in gateway.refunds
        if each.transaction_id == payment.id and each.status is not RefundStatus.FAILED
    ]
    assert sum(alive) <= payment.captured.amount_minor_units, "more is promised back than was taken"
    promised = payment.refunded.amount_minor_units + payment.refund_pending.amount_minor_units
    assert sum(alive) == promised, "the payment's sums are not those of its refunds"
    if "outcome.refused" not in gateway.books.audit_types(payment):
        refunded, captured = gateway.ledger.refunded(payment.id), gateway.ledger.captured(payment.id)
        assert refunded <= captured, f"the provider gave back {refunded} of {captured}"


def _moves_along_the_table(gateway: Gateway, payment: Transaction) -> None:
    events = gateway.books.events(payment)
    assert [each.sequence for each in events] == list(range(1, payment.version + 1)), "the event log has holes"
    _walk([each for each in events if each.event_type.startswith("payment.")], INITIAL.event_type, _EDGES)
    assert _last_status(events, "payment.") == payment.status
    for refund in gateway.refunds:
        if refund.transaction_id == payment.id:
            own = [each for each in events if each.refund_id == refund.id]
            _walk(
                [each for each in own if each.event_type.startswith("refund.")],
                REFUND_INITIAL.event_type,
                _REFUND_EDGES,
            )
            assert _last_status(own, "refund.") == refund.status


def _walk(events: Sequence[LoggedEvent], first: str, edges: Set[tuple[str, str, str]]) -> None:
    assert events[0].event_type == first
    for before, after in pairwise(events):
        statuses = str(before.data["status"]), str(after.data["status"])
        if after.event_type.endswith(".needs_review"):  # no edge: it stays what it is, and somebody looks
            assert statuses[0] == statuses[1]
            continue
        edge = (*statuses, after.event_type)
        assert edge in edges, f"the table has no edge {edge}"


def _last_status(events: Sequence[LoggedEvent], kind: str) -> object:
    """What the log says last; the row must say the same."""
    return [each.data["status"] for each in events if each.event_type.startswith(kind)][-1]


def _books_agree(gateway: Gateway, payment: Transaction) -> None:
    ours = (payment.captured.amount_minor_units, payment.refunded.amount_minor_units)
    theirs = (gateway.ledger.captured(payment.id), gateway.ledger.refunded(payment.id))
    assert ours == theirs, f"{payment.status}: taken and given back: we say {ours}, the provider {theirs}"
    assert (payment.status in NOT_TAKEN) == (theirs[0] == 0), f"{payment.status}, but {theirs[0]} was taken"
