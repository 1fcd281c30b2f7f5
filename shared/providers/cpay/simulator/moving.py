"""What happens to captures, refunds and payouts: what each may be, and how all of them are decided."""

import sqlite3
from collections.abc import Mapping
from dataclasses import replace

from shared.provider_kit.simulator import new_ulid
from shared.provider_kit.simulator.callbacks import milliseconds
from shared.providers.cpay.simulator import ledger, modes, movements
from shared.providers.cpay.simulator.exchange import (
    CaptureAsked,
    PayoutAsked,
    RefundAsked,
    Refused,
    Reply,
    against_the_rules,
    conflict,
    not_found,
)
from shared.providers.cpay.simulator.ledger import PaymentRow
from shared.providers.cpay.simulator.movements import MovementRow
from shared.providers.cpay.simulator.payments import Payments, existing_payment
from shared.providers.cpay.simulator.resources import movement_json
from shared.providers.cpay.simulator.scenarios import (
    MOVEMENT_EDGES,
    Answering,
    MovementKind,
    MovementStatus,
    PaymentStatus,
    Scenario,
    Telling,
)
from shared.providers.cpay.simulator.settings import CPaySimulatorSettings
from shared.providers.cpay.simulator.telling import Teller
from shared.runtime.clock import Clock

Step = tuple[MovementStatus, str | None]

FAILURE_CODE = "provider_error"
ID_PREFIXES: Mapping[MovementKind, str] = {
    MovementKind.CAPTURE: "cpcp",
    MovementKind.REFUND: "cprf",
    MovementKind.PAYOUT: "cppo",
}


class Movements:
    """Every method works within the caller's transaction."""

    def __init__(self, settings: CPaySimulatorSettings, clock: Clock, teller: Teller, payments: Payments) -> None:
        self._settings = settings
        self._clock = clock
        self._teller = teller
        self._payments = payments

    def refund(self, connection: sqlite3.Connection, payment_id: str, asked: RefundAsked, scenario: Scenario) -> Reply:
        """Accept a refund of some or, without an amount, of all that is left.

        Raises:
            Refused: 404 no such payment, 409 nothing was taken or the reference is taken, 422 more than is left.
        """
        payment = existing_payment(connection, payment_id)
        if payment.status is not PaymentStatus.SUCCEEDED:
            raise conflict("invalid_state", f"a payment that is {payment.status} cannot be refunded")
        check_reference(connection, MovementKind.REFUND, asked.merchant_reference)
        given_back = movements.promised(movements.of_payment(connection, MovementKind.REFUND, payment_id))
        amount = amount_within(payment.captured - given_back, asked.amount, MovementKind.REFUND)
        refund = self._of_payment(payment, MovementKind.REFUND, amount, asked.merchant_reference, scenario)
        return self._make(connection, replace(refund, reason=asked.reason), scenario, steps_of(scenario))

    def capture(
        self, connection: sqlite3.Connection, payment_id: str, asked: CaptureAsked, scenario: Scenario
    ) -> Reply:
        """Take some or, without an amount, all that is left of an authorized payment.

        Raises:
            Refused: 404 no such payment, 409 not authorized, released or the reference is taken, 422 more than is left.
        """
        payment = existing_payment(connection, payment_id)
        captures = movements.of_payment(connection, MovementKind.CAPTURE, payment_id)
        if payment.status is not PaymentStatus.AUTHORIZED:
            raise conflict("invalid_state", f"a payment that is {payment.status} cannot be captured")
        if any(one.is_final and one.status is not MovementStatus.FAILED for one in captures):
            raise conflict("invalid_state", "the final capture has been made")
        check_reference(connection, MovementKind.CAPTURE, asked.merchant_reference)
        amount = amount_within(payment.amount - movements.promised(captures), asked.amount, MovementKind.CAPTURE)
        capture = self._of_payment(payment, MovementKind.CAPTURE, amount, asked.merchant_reference, scenario)
        return self._make(connection, replace(capture, is_final=asked.final), scenario, steps_of(scenario))

    def payout(self, connection: sqlite3.Connection, asked: PayoutAsked, scenario: Scenario) -> Reply:
        """Send money out.

        Raises:
            Refused: 409, the reference is taken.
        """
        check_reference(connection, MovementKind.PAYOUT, asked.merchant_reference)
        now = self._clock.now()
        payout = MovementRow(
            id=f"{ID_PREFIXES[MovementKind.PAYOUT]}_{new_ulid(now)}",
            kind=MovementKind.PAYOUT,
            payment_id=None,
            merchant_reference=asked.merchant_reference,
            amount=asked.amount,
            currency=asked.currency,
            reason=asked.reason,
            recipient=asked.recipient.model_dump(),
            telling=scenario.telling,
            created_at_ms=milliseconds(now),
        )
        return self._make(connection, payout, scenario, steps_of_payout(scenario))

    def move(
        self, connection: sqlite3.Connection, movement: MovementRow, status: MovementStatus, failure_code: str | None
    ) -> MovementRow:
        """Change a movement's state, and tell.

        Raises:
            Refused: 409, no such edge.
        """
        moved, _ = self._move(connection, movement, (status, failure_code), is_ahead=False)
        return moved

    def _make(
        self, connection: sqlite3.Connection, movement: MovementRow, scenario: Scenario, steps: tuple[Step, ...]
    ) -> Reply:
        movements.insert(connection, movement)
        if scenario.answering is Answering.DECLINE_AT_ONCE:
            return self._decline_at_once(connection, movement, scenario)
        self._teller.tell_movement(connection, movement)
        early = self._decide(connection, movement, steps)
        return Reply(status=201, body=movement_json(movement), early=early)

    def _decline_at_once(self, connection: sqlite3.Connection, movement: MovementRow, scenario: Scenario) -> Reply:
        code = scenario.failure_code or "declined"
        self.move(connection, movement, MovementStatus.FAILED, code)
        return Refused(402, "invalid_request", code, f"The {movement.kind} was declined.").to_reply()

    def _decide(
        self, connection: sqlite3.Connection, movement: MovementRow, steps: tuple[Step, ...]
    ) -> tuple[int, ...]:
        """Settle now what becomes of it; the callbacks that must reach the receiver before our answer does."""
        early: tuple[int, ...] = ()
        if steps and movement.telling is Telling.EARLY:
            _, early = self._move(connection, movement, steps[0], is_ahead=True)
            steps = steps[1:]
        for count, (status, code) in enumerate(steps, start=1):
            due_at_ms = movement.created_at_ms + count * self._settings.delay_ms
            ledger.schedule(connection, movement.id, status, code, due_at_ms)
        return early

    def _move(
        self, connection: sqlite3.Connection, movement: MovementRow, step: Step, *, is_ahead: bool
    ) -> tuple[MovementRow, tuple[int, ...]]:
        status, failure_code = step
        if status not in MOVEMENT_EDGES[movement.kind].get(movement.status, frozenset()):
            raise conflict("invalid_state", f"{movement.status} does not become {status}")
        movements.set_status(connection, movement.id, status, failure_code)
        moved = replace(movement, status=status, failure_code=failure_code)
        told = self._teller.tell_movement(connection, moved, is_ahead=is_ahead)
        if moved.kind is MovementKind.CAPTURE:
            self._after_capture(connection, moved)
        return moved, told

    def _after_capture(self, connection: sqlite3.Connection, capture: MovementRow) -> None:
        """What was captured is taken; when nothing more will be, the payment has succeeded."""
        assert capture.payment_id is not None
        payment = existing_payment(connection, capture.payment_id)
        if capture.status is MovementStatus.SUCCEEDED:
            payment = replace(payment, captured=payment.captured + capture.amount)
            ledger.save_payment(connection, payment)
        captures = movements.of_payment(connection, MovementKind.CAPTURE, payment.id)
        if payment.status is PaymentStatus.AUTHORIZED and is_all_captured(payment, captures):
            self._payments.move(connection, payment, PaymentStatus.SUCCEEDED, None)

    def _of_payment(
        self, payment: PaymentRow, kind: MovementKind, amount: int, reference: str | None, scenario: Scenario
    ) -> MovementRow:
        now = self._clock.now()
        return MovementRow(
            id=f"{ID_PREFIXES[kind]}_{new_ulid(now)}",
            kind=kind,
            payment_id=payment.id,
            merchant_reference=reference,
            amount=amount,
            currency=payment.currency,
            telling=scenario.telling,
            created_at_ms=milliseconds(now),
        )


def steps_of(scenario: Scenario) -> tuple[Step, ...]:
    return tuple(
        (status, FAILURE_CODE if status is MovementStatus.FAILED else None) for status in scenario.movement_ends_as
    )


def steps_of_payout(scenario: Scenario) -> tuple[Step, ...]:
    """A payout plays the payments' rows as well; what is in neither, such as a status nobody knows, stays pending."""
    if scenario.ends_as is PaymentStatus.FAILED:
        return ((MovementStatus.FAILED, scenario.failure_code),)
    return steps_of(scenario) if scenario.ends_as is PaymentStatus.SUCCEEDED else ()


def is_all_captured(payment: PaymentRow, captures: list[MovementRow]) -> bool:
    statuses = {capture.status for capture in captures}
    is_closed = any(one.is_final and one.status is MovementStatus.SUCCEEDED for one in captures)
    return MovementStatus.PENDING not in statuses and (is_closed or payment.captured == payment.amount)


def check_reference(connection: sqlite3.Connection, kind: MovementKind, reference: str | None) -> None:
    if reference is None or not modes.mode(connection).unique_references:
        return
    if movements.with_reference(connection, kind, reference):
        raise conflict("duplicate_reference", f"there is a {kind} with this merchant_reference")


def amount_within(left: int, asked: int | None, kind: MovementKind) -> int:
    amount = left if asked is None else asked
    if not 0 < amount <= left:
        raise against_the_rules(f"{kind}_exceeds_amount", f"only {left} is left to {kind}", "amount")
    return amount


def existing_movement(connection: sqlite3.Connection, kind: MovementKind, movement_id: str) -> MovementRow:
    movement = movements.with_id(connection, movement_id)
    if movement is None or movement.kind is not kind:
        raise not_found(str(kind))
    return movement
