"""What the simulator can play: one table, by the last four digits of the amount or by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class PaymentStatus(StrEnum):
    PENDING = "pending"
    AUTHORIZED = "authorized"  # capture_method "manual": reserved, and waits to be captured
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNDER_REVIEW = "under_review"  # in no documentation: what a new status looks like to the gateway


class CaptureMethod(StrEnum):
    AUTOMATIC = "automatic"
    MANUAL = "manual"


class MovementKind(StrEnum):
    """What moves money beside a payment itself; the word in event types and in the statement."""

    CAPTURE = "capture"
    REFUND = "refund"
    PAYOUT = "payout"


class MovementStatus(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


PAYMENT_EDGES: Mapping[PaymentStatus, frozenset[PaymentStatus]] = {
    PaymentStatus.PENDING: frozenset(PaymentStatus) - {PaymentStatus.PENDING},
    PaymentStatus.AUTHORIZED: frozenset({PaymentStatus.SUCCEEDED, PaymentStatus.CANCELLED, PaymentStatus.EXPIRED}),
    PaymentStatus.UNDER_REVIEW: frozenset({PaymentStatus.SUCCEEDED, PaymentStatus.FAILED}),
}
AT_ONCE = {MovementStatus.PENDING: frozenset({MovementStatus.SUCCEEDED, MovementStatus.FAILED})}
AND_LATE = {**AT_ONCE, MovementStatus.SUCCEEDED: frozenset({MovementStatus.FAILED})}
MOVEMENT_EDGES: Mapping[MovementKind, Mapping[MovementStatus, frozenset[MovementStatus]]] = {
    MovementKind.CAPTURE: AT_ONCE,
    MovementKind.REFUND: AND_LATE,
    MovementKind.PAYOUT: AND_LATE,
}


class Answering(StrEnum):
    """How a POST is answered; ``*_after_commit`` and the garbled ones have executed it before."""

    PROPERLY = "properly"
    DECLINE_AT_ONCE = "decline_at_once"
    ERROR_500_AFTER_COMMIT = "error_500_after_commit"
    HANG_AFTER_COMMIT = "hang_after_commit"
    RESET_AFTER_COMMIT = "reset_after_commit"
    ERROR_500 = "error_500"
    UNAVAILABLE = "unavailable"
    THROTTLED = "throttled"
    HTML = "html"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    # only as rules of /_admin/faults
    HANG = "hang"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    SLOW = "slow"


class Telling(StrEnum):
    """How the callbacks about a payment, or about what belongs to it, are sent.

    ``variant`` of a delivery, for those that spoil the signature.
    """

    PROPERLY = "properly"
    NEVER = "never"
    TWICE = "twice"
    TWO_IDS = "two_ids"
    OUT_OF_ORDER = "out_of_order"
    EARLY = "early"
    WRONG_SECRET = "wrong_secret"  # noqa: S105 - a scenario's name
    STALE = "stale"
    FUTURE = "future"
    OTHER_AMOUNT = "other_amount"
    UNKNOWN_REFERENCE = "unknown_reference"
    REPEATED = "repeated"
    UNKNOWN_TYPE = "unknown_type"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """``ends_as`` is what becomes of a payment, ``movement_ends_as`` of a refund, capture or payout: a step every
    CPAY_DELAY_MS.

    ``first_answers`` limits ``answering`` to so many POSTs with one idempotency key; ``None``: until it is executed.
    """

    digits: str
    name: str
    ends_as: PaymentStatus | None = PaymentStatus.SUCCEEDED
    failure_code: str | None = None
    answering: Answering = Answering.PROPERLY
    first_answers: int | None = None
    telling: Telling = Telling.PROPERLY
    movement_ends_as: tuple[MovementStatus, ...] = (MovementStatus.SUCCEEDED,)


P, M, A, T = PaymentStatus, MovementStatus, Answering, Telling

SCENARIOS = (
    Scenario(digits="0000", name="succeeds"),
    Scenario(digits="0001", name="insufficient_funds", ends_as=P.FAILED, failure_code="insufficient_funds"),
    Scenario(
        digits="0002",
        name="declined",
        ends_as=P.FAILED,
        failure_code="declined",
        answering=A.DECLINE_AT_ONCE,
    ),
    Scenario(digits="0003", name="cancelled_by_user", ends_as=P.FAILED, failure_code="cancelled_by_user"),
    Scenario(digits="0004", name="expired", ends_as=P.EXPIRED),
    Scenario(digits="0005", name="unknown_failure_code", ends_as=P.FAILED, failure_code="moon_in_wrong_phase"),
    Scenario(digits="0006", name="unknown_status", ends_as=P.UNDER_REVIEW),
    Scenario(digits="0010", name="never_resolves", ends_as=None, telling=T.NEVER),
    Scenario(digits="0011", name="webhook_twice", telling=T.TWICE),
    Scenario(digits="0012", name="webhook_two_ids", telling=T.TWO_IDS),
    Scenario(digits="0013", name="webhook_out_of_order", telling=T.OUT_OF_ORDER),
    Scenario(digits="0014", name="webhook_lost", telling=T.NEVER),
    Scenario(digits="0015", name="webhook_early", telling=T.EARLY),
    Scenario(digits="0016", name="webhook_wrong_secret", telling=T.WRONG_SECRET),
    Scenario(digits="0017", name="webhook_stale", telling=T.STALE),
    Scenario(digits="0018", name="webhook_other_amount", telling=T.OTHER_AMOUNT),
    Scenario(digits="0019", name="webhook_future", telling=T.FUTURE),
    Scenario(digits="0020", name="error_500_after_commit", answering=A.ERROR_500_AFTER_COMMIT),
    Scenario(digits="0021", name="hang_after_commit", answering=A.HANG_AFTER_COMMIT),
    Scenario(digits="0022", name="reset_after_commit", answering=A.RESET_AFTER_COMMIT),
    Scenario(digits="0023", name="error_500", answering=A.ERROR_500),
    Scenario(digits="0024", name="unavailable_twice", answering=A.UNAVAILABLE, first_answers=2),
    Scenario(digits="0025", name="throttled_twice", answering=A.THROTTLED, first_answers=2),
    Scenario(digits="0026", name="html", answering=A.HTML),
    Scenario(digits="0027", name="empty", answering=A.EMPTY),
    Scenario(digits="0028", name="truncated", answering=A.TRUNCATED),
    Scenario(digits="0029", name="webhook_unknown_type", telling=T.UNKNOWN_TYPE),
    Scenario(digits="0030", name="refund_succeeds"),
    Scenario(digits="0031", name="refund_fails", movement_ends_as=(M.FAILED,)),
    Scenario(digits="0032", name="refund_fails_late", movement_ends_as=(M.SUCCEEDED, M.FAILED)),
    Scenario(digits="0033", name="webhook_repeated", telling=T.REPEATED),
    Scenario(digits="0034", name="webhook_unknown_reference", telling=T.UNKNOWN_REFERENCE),
)

DEFAULT = SCENARIOS[0]
BY_DIGITS: Mapping[str, Scenario] = {scenario.digits: scenario for scenario in SCENARIOS}
BY_WORD: Mapping[str, Scenario] = {**BY_DIGITS, **{scenario.name: scenario for scenario in SCENARIOS}}

FIRST_OF_CAPTURES = "0011"
FIRST_OF_REFUNDS = "0020"


def scenario_of_payment(amount_minor_units: int, chosen: str | None) -> Scenario:
    """``chosen`` (digits or a name of the table) wins over the amount; other amounts play the default.

    Raises:
        KeyError: ``chosen`` is in no row.
    """
    if chosen is not None:
        return BY_WORD[chosen]
    return scenario_of_amount(amount_minor_units)


def scenario_of_amount(amount_minor_units: int) -> Scenario:
    return BY_DIGITS.get(f"{amount_minor_units % 10_000:04}", DEFAULT)


def scenario_of_refund(amount_minor_units: int, payment_scenario: Scenario) -> Scenario:
    """By the refund's amount from 0020 on (answers and results), else as its payment was told."""
    by_amount = scenario_of_amount(amount_minor_units)
    if by_amount.digits >= FIRST_OF_REFUNDS:
        return by_amount
    return Scenario(digits="", name="as_its_payment", movement_ends_as=payment_scenario.movement_ends_as)


def scenario_of_capture(amount_minor_units: int) -> Scenario:
    """By the capture's amount from 0011 on (callbacks, answers, results): what comes before is about a customer."""
    by_amount = scenario_of_amount(amount_minor_units)
    return by_amount if by_amount.digits >= FIRST_OF_CAPTURES else DEFAULT
