"""Payouts on a stage: money sent out."""

from dataclasses import dataclass

import pytest
import uuid_utils.compat as uuid_utils

from shared.domain.customer import Customer
from shared.domain.ids import PayoutId
from shared.domain.money import Money
from shared.domain.outcome import Outcome, Pending
from shared.provider_kit.provider import PayoutQuery, PayoutReported, PayoutRequest, SendsPayouts
from tests.contract.providers.stage import Stage, until


@dataclass(frozen=True, slots=True)
class Payouts:
    stage: Stage

    @property
    def adapter(self) -> SendsPayouts:
        assert isinstance(self.stage.adapter, SendsPayouts)
        return self.stage.adapter

    def request(self, case: str = "succeeds") -> PayoutRequest:
        """A new payout of this case, with a new key."""
        cases = self.stage.contract.payouts
        if case not in cases:
            pytest.skip(f"{self.stage.plugin.name} cannot play the payout {case}")
        payout_id = PayoutId(uuid_utils.uuid7())
        return PayoutRequest(
            payout_id=payout_id,
            idempotency_key=f"payout-{payout_id}",
            amount=Money(cases[case].amount_minor, cases[case].currency),
            recipient=Customer(phone="+254700000000"),
            reason="winnings",
        )

    def send(self, request: PayoutRequest) -> Outcome:
        outcome = self.adapter.send_payout(request)
        self.stage.outcomes.append(outcome)
        return outcome

    def look_up(self, request: PayoutRequest, reference: str | None = None) -> Outcome:
        query = PayoutQuery(payout_id=request.payout_id, amount=request.amount, reference=reference)
        outcome = self.adapter.verify_payout(query)
        self.stage.outcomes.append(outcome)
        return outcome

    def settled(self, request: PayoutRequest, reference: str | None = None) -> Outcome:
        """The first outcome that is not pending."""

        def look() -> Outcome:
            if "payout_query" not in self.stage.contract.lacks:
                return self.look_up(request, reference)
            return self.reported(request) or Pending(reference=reference)

        return until(look, lambda outcome: not isinstance(outcome, Pending))

    def reported(self, request: PayoutRequest) -> Outcome | None:
        """The last that callbacks have said of a payout."""
        verified = self.stage.believed(self.stage.receiver.about(request.payout_id))
        told = [self.stage.adapter.handle_webhook(each.payload) for each in verified]
        outcomes = [report.outcome for report in told if isinstance(report, PayoutReported)]
        return outcomes[-1] if outcomes else None
