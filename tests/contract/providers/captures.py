"""Captures on a stage: reserving money, and taking it in parts."""

from dataclasses import dataclass, replace

import pytest
import uuid_utils.compat as uuid_utils

from shared.domain.ids import CaptureId
from shared.domain.money import Money
from shared.domain.outcome import Authorized, Outcome, Pending
from shared.domain.transaction import CaptureMethod
from shared.provider_kit.provider import CaptureQuery, CaptureRequest, PaymentRequest, TakesCaptures
from tests.contract.providers.stage import Stage, until


@dataclass(frozen=True, slots=True)
class Captures:
    stage: Stage

    @property
    def adapter(self) -> TakesCaptures:
        assert isinstance(self.stage.adapter, TakesCaptures)
        return self.stage.adapter

    def reserved(self) -> tuple[PaymentRequest, str]:
        """A payment that is authorized, and the provider's id of it."""
        request = replace(self.stage.request("succeeds"), capture_method=CaptureMethod.MANUAL)
        self.stage.pay(request)
        outcome = self.stage.settled(request)
        assert isinstance(outcome, Authorized)
        return request, outcome.reference

    def amount(self, case: str) -> int:
        cases = self.stage.contract.captures
        if case not in cases:
            pytest.skip(f"{self.stage.plugin.name} cannot play the capture {case}")
        return cases[case].amount_minor

    def request(self, case: str = "succeeds", *, is_final: bool = False) -> CaptureRequest:
        """A new capture, with a new key, of a new payment."""
        amount_minor = self.amount(case)
        return self.of(*self.reserved(), amount_minor, is_final=is_final)

    def of(
        self, payment: PaymentRequest, reference: str, amount_minor: int, *, is_final: bool = False
    ) -> CaptureRequest:
        capture_id = CaptureId(uuid_utils.uuid7())
        return CaptureRequest(
            capture_id=capture_id,
            idempotency_key=f"capture-{capture_id}",
            payment_reference=reference,
            amount=Money(amount_minor, payment.amount.currency),
            is_final=is_final,
        )

    def take(self, request: CaptureRequest) -> Outcome:
        outcome = self.adapter.capture_payment(request)
        self.stage.outcomes.append(outcome)
        return outcome

    def look_up(self, request: CaptureRequest, reference: str | None = None) -> Outcome:
        query = CaptureQuery(
            capture_id=request.capture_id,
            payment_reference=request.payment_reference,
            amount=request.amount,
            reference=reference,
        )
        outcome = self.adapter.verify_capture(query)
        self.stage.outcomes.append(outcome)
        return outcome

    def settled(self, request: CaptureRequest, reference: str | None = None) -> Outcome:
        """The first outcome that is not pending."""
        return until(lambda: self.look_up(request, reference), lambda outcome: not isinstance(outcome, Pending))
