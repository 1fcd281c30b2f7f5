"""What the simulator can play: one table, by the last four digits of the amount or by ``metadata[scenario]``."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Answering(StrEnum):
    """How a request is answered; ``*_after_commit`` and the garbled ones have executed it before."""

    PROPERLY = "properly"
    DECLINE = "declined"  # only drawn by chaos: the card says no
    # executed, and its true answer is stored under the idempotency key, unless that answer is the 500
    ERROR_500_AFTER_COMMIT = "error_500_after_commit"
    HANG_AFTER_COMMIT = "hang_after_commit"
    RESET_AFTER_COMMIT = "reset_after_commit"
    HTML = "html"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    SLOW = "slow"  # its idempotency key is in use meanwhile
    # began executing, changed nothing; the 500 is stored and replayed
    ERROR_500 = "error_500"
    # nothing executed, nothing stored
    ERROR_500_AT_THE_GATE = "error_500_at_the_gate"
    UNAVAILABLE = "unavailable"
    THROTTLED = "throttled"
    THROTTLED_RETRY = "throttled_retry"
    LOCK_TIMEOUT = "lock_timeout"
    LOCK_TIMEOUT_409 = "lock_timeout_409"
    HANG = "hang"
    RESET = "reset"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"


class Telling(StrEnum):
    """How the events about a payment, or about a refund of it, are told; ``variant`` of a delivery."""

    PROPERLY = "properly"
    NEVER = "webhook_lost"
    TWICE = "webhook_twice"
    TWO_IDS = "webhook_two_ids"
    OUT_OF_ORDER = "webhook_out_of_order"
    EARLY = "webhook_early"
    WRONG_SECRET = "webhook_wrong_secret"  # noqa: S105 - a scenario's name
    STALE = "webhook_stale"
    FUTURE = "webhook_future"
    OTHER_AMOUNT = "webhook_other_amount"
    UNKNOWN_TYPE = "webhook_unknown_type"
    REPEATED = "webhook_repeated"
    UNKNOWN_REFERENCE = "webhook_unknown_reference"
    THIN = "webhook_thin_v2"
    OLD_VERSION = "webhook_old_version"
    WRONG_LIVEMODE = "webhook_wrong_livemode"


class RefundStatus(StrEnum):
    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """``behaviour``, a key of ``cards.BEHAVIOURS``, takes the place of what the card would do.

    ``first_answers`` limits ``answering`` to so many requests with one idempotency key; ``None``: until it is executed.
    ``refund_steps``: what a refund is at once, then after each ``delay_ms``; ``None``: as its card says.
    """

    digits: str
    name: str
    behaviour: str | None = None
    answering: Answering = Answering.PROPERLY
    first_answers: int | None = None
    telling: Telling = Telling.PROPERLY
    refund_steps: tuple[RefundStatus, ...] | None = None


A, T, R = Answering, Telling, RefundStatus

SCENARIOS = (
    Scenario(digits="0000", name="succeeds"),
    Scenario(digits="0001", name="insufficient_funds", behaviour="insufficient_funds"),
    Scenario(digits="0002", name="declined", behaviour="generic_decline"),
    Scenario(digits="0003", name="processing_error", behaviour="processing_error"),
    Scenario(digits="0004", name="expired_card", behaviour="expired_card"),
    Scenario(digits="0005", name="unknown_decline_code", behaviour="unknown_decline_code"),
    Scenario(digits="0006", name="unknown_status", behaviour="unknown_status"),
    Scenario(digits="0007", name="requires_action", behaviour="authenticate"),
    Scenario(digits="0008", name="processing_succeeds", behaviour="processing_succeeds"),
    Scenario(digits="0009", name="processing_fails", behaviour="processing_fails"),
    Scenario(digits="0010", name="never_resolves", behaviour="processing_for_ever", telling=T.NEVER),
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
    Scenario(digits="0030", name="refund_succeeds", refund_steps=(R.PENDING, R.SUCCEEDED)),
    Scenario(digits="0031", name="refund_fails", refund_steps=(R.PENDING, R.FAILED)),
    Scenario(digits="0032", name="refund_fails_late", refund_steps=(R.SUCCEEDED, R.FAILED)),
    Scenario(digits="0033", name="webhook_repeated", telling=T.REPEATED),
    Scenario(digits="0034", name="webhook_unknown_reference", telling=T.UNKNOWN_REFERENCE),
    Scenario(digits="0035", name="refund_requires_action", refund_steps=(R.REQUIRES_ACTION,)),
    Scenario(digits="0036", name="webhook_thin_v2", telling=T.THIN),
    Scenario(digits="0037", name="webhook_old_version", telling=T.OLD_VERSION),
    Scenario(digits="0038", name="webhook_wrong_livemode", telling=T.WRONG_LIVEMODE),
    Scenario(digits="0039", name="throttled_retry_twice", answering=A.THROTTLED_RETRY, first_answers=2),
    Scenario(digits="0040", name="lock_timeout_twice", answering=A.LOCK_TIMEOUT, first_answers=2),
    Scenario(digits="0041", name="lock_timeout_409_twice", answering=A.LOCK_TIMEOUT_409, first_answers=2),
    Scenario(digits="0042", name="error_500_at_the_gate", answering=A.ERROR_500_AT_THE_GATE),
    Scenario(digits="0043", name="slow", answering=A.SLOW),
    Scenario(digits="0044", name="dispute", behaviour="dispute"),
    Scenario(digits="0045", name="inquiry", behaviour="inquiry"),
)

DEFAULT = SCENARIOS[0]
BY_DIGITS: Mapping[str, Scenario] = {scenario.digits: scenario for scenario in SCENARIOS}
BY_WORD: Mapping[str, Scenario] = {**BY_DIGITS, **{scenario.name: scenario for scenario in SCENARIOS}}

# Below this, an amount's digits are just an amount.
LEAST_MAGIC_AMOUNT = 10_000
FIRST_OF_LATER_STEPS = "0011"


def scenario_of(amount_minor_units: int | None, chosen: str | None) -> Scenario | None:
    """What the request has chosen, if anything: by name or digits, else by its amount."""
    if chosen:
        return BY_WORD.get(chosen, DEFAULT)
    if amount_minor_units is None or amount_minor_units < LEAST_MAGIC_AMOUNT:
        return None
    found = BY_DIGITS.get(f"{amount_minor_units % 10_000:04}")
    return None if found is DEFAULT else found


def scenario_of_step(amount_minor_units: int | None, chosen: str | None) -> Scenario | None:
    """Of a capture, refund or cancellation: by amount from 0011 on, as what comes before is about a customer."""
    found = scenario_of(amount_minor_units, chosen)
    is_of_step = found is not None and (found.digits >= FIRST_OF_LATER_STEPS or found is DEFAULT)
    return found if is_of_step else None
