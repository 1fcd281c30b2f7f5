"""Disputes: the customer's bank takes the money back, and may return it."""

from dataclasses import replace

from shared.providers.stripe.simulator import books
from shared.providers.stripe.simulator.act import Act
from shared.providers.stripe.simulator.charging import Charging
from shared.providers.stripe.simulator.exchange import invalid, new_id, no_such
from shared.providers.stripe.simulator.rows import Charge, Dispute

OPEN = frozenset({"needs_response", "under_review", "warning_needs_response", "warning_under_review"})
ENDS = {"won": "won", "lost": "lost", "warning_closed": "warning_closed"}


class Disputing:
    """Every method works within the caller's transaction."""

    def __init__(self, charging: Charging) -> None:
        self._charging = charging

    def open(self, act: Act, charge: Charge, status: str, amount: int | None = None) -> Dispute:
        """The bank asks (``warning_…``), or has taken the money back.

        Raises:
            Refused: 400, nothing was taken.
        """
        if not charge.captured:
            raise invalid(f"Charge {charge.id} was not captured.")
        dispute = Dispute(
            id=new_id("du"),
            created=act.now,
            intent_id=charge.intent_id,
            charge_id=charge.id,
            amount=amount or charge.captured,
            currency=charge.currency,
            status=status,
            telling=self._charging.intent_of(act, charge.intent_id).telling,
        )
        books.save(act.connection, replace(charge, is_disputed=not status.startswith("warning_")))
        if status.startswith("warning_"):
            self._tell(act, books.save(act.connection, dispute), "charge.dispute.created")
            return dispute
        dispute = self._moved(act, charge, dispute, -dispute.amount)
        self._tell(act, dispute, "charge.dispute.created")
        self._tell(act, dispute, "charge.dispute.funds_withdrawn")
        return dispute

    def close(self, act: Act, dispute: Dispute, status: str) -> Dispute:
        """The end of it; when it is won, the money comes back.

        Raises:
            Refused: 400, it is over already, or there is no such end.
        """
        if dispute.status not in OPEN or status not in ENDS:
            raise invalid(f"This dispute has a status of {dispute.status} and cannot become {status}.")
        charge = books.find(act.connection, Charge, dispute.charge_id)
        assert charge is not None
        closed = replace(dispute, status=status)
        if status == "won":
            closed = self._moved(act, charge, closed, dispute.amount)
            self._tell(act, closed, "charge.dispute.funds_reinstated")
        books.save(act.connection, closed)
        self._tell(act, closed, "charge.dispute.closed")
        return closed

    def _moved(self, act: Act, charge: Charge, dispute: Dispute, amount: int) -> Dispute:
        line = self._charging.transaction(act, "adjustment", charge, dispute.id, amount)
        return books.save(act.connection, replace(dispute, transactions=(*dispute.transactions, line.id)))

    def _tell(self, act: Act, dispute: Dispute, event_type: str) -> None:
        self._charging.tell_as(act, dispute.telling, event_type, dispute)


def existing_dispute(act: Act, dispute_id: str) -> Dispute:
    """Raises: Refused: 404, no such dispute."""
    dispute = books.find(act.connection, Dispute, dispute_id)
    if dispute is None:
        raise no_such("dispute", dispute_id)
    return dispute
