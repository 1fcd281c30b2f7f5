"""What the simulator can play: one table, by the last four digits of the amount or by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class TransactionStatus(StrEnum):
    ABANDONED = "abandoned"  # a page that nobody has opened: so Paystack says it from the first moment
    ONGOING = "ongoing"  # a page that is open
    PENDING = "pending"  # a phone that has been asked
    SUCCESS = "success"
    FAILED = "failed"
    REVERSED = "reversed"  # all of it was given back
    UNDER_REVIEW = "under_review"  # in no documentation: what a new status looks like to the gateway


class RefundStatus(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    NEEDS_ATTENTION = "needs-attention"
    PROCESSED = "processed"
    FAILED = "failed"


class Channel(StrEnum):
    CARD = "card"
    MOBILE_MONEY = "mobile_money"


UNDECIDED = frozenset({TransactionStatus.ABANDONED, TransactionStatus.ONGOING, TransactionStatus.PENDING})
TAKEN = frozenset({TransactionStatus.SUCCESS, TransactionStatus.REVERSED})
# A customer whose card was declined may try another on the same page.
PAYABLE = UNDECIDED | {TransactionStatus.FAILED}


class Answering(StrEnum):
    """How a request is answered; ``*_after_commit`` and the garbled ones have executed it before."""

    PROPERLY = "properly"
    DECLINE_AT_ONCE = "decline_at_once"  # of a phone; a page is declined by its customer's bank, later
    ERROR_500_AFTER_COMMIT = "error_500_after_commit"
    HANG_AFTER_COMMIT = "hang_after_commit"
    RESET_AFTER_COMMIT = "reset_after_commit"
    ERROR_500 = "error_500"
    THROTTLED = "throttled"
    HTML = "html"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    # only as rules of /_admin/faults
    HANG = "hang"
    UNAUTHORIZED = "unauthorized"
    SLOW = "slow"


class Telling(StrEnum):
    """How callbacks are sent. ``variant`` of a delivery, for the one that spoils the signature."""

    PROPERLY = "properly"
    NEVER = "never"
    TWICE = "twice"
    REPEATED = "repeated"
    EARLY = "early"
    OUT_OF_ORDER = "out_of_order"
    WRONG_KEY = "wrong_key"
    OTHER_AMOUNT = "other_amount"
    UNKNOWN_REFERENCE = "unknown_reference"
    UNKNOWN_TYPE = "unknown_type"
    UNNAMED = "unnamed"  # of a refund: without its id and note, as in Paystack's own samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """``ends_as`` is what becomes of a payment, with the bank's ``words`` if it fails; ``refund_steps`` what becomes
    of a refund, a step every PAYSTACK_DELAY_MS. ``tells_pending``: its first status is told as well.

    ``first_answers`` limits ``answering`` to so many requests with one reference; ``None``: until it is executed.
    """

    digits: str
    name: str
    ends_as: TransactionStatus | None = TransactionStatus.SUCCESS
    words: str = ""
    answering: Answering = Answering.PROPERLY
    first_answers: int | None = None
    telling: Telling = Telling.PROPERLY
    refund_steps: tuple[RefundStatus, ...] = (RefundStatus.PROCESSED,)
    tells_pending: bool = False


S, R, A, T = TransactionStatus, RefundStatus, Answering, Telling

SCENARIOS = (
    Scenario(digits="0000", name="succeeds"),
    Scenario(digits="0001", name="insufficient_funds", ends_as=S.FAILED, words="Insufficient Funds"),
    Scenario(digits="0002", name="declined", ends_as=S.FAILED, words="Declined", answering=A.DECLINE_AT_ONCE),
    Scenario(digits="0003", name="cancelled_by_user", ends_as=S.FAILED, words="Request cancelled by user"),
    Scenario(digits="0004", name="expired", ends_as=S.FAILED, words="Transaction timed out"),
    Scenario(digits="0005", name="unknown_failure", ends_as=S.FAILED, words="Moon in wrong phase"),
    Scenario(digits="0006", name="unknown_status", ends_as=S.UNDER_REVIEW),
    Scenario(digits="0010", name="never_resolves", ends_as=None, refund_steps=()),
    Scenario(digits="0011", name="webhook_twice", telling=T.TWICE),
    Scenario(digits="0013", name="webhook_out_of_order", telling=T.OUT_OF_ORDER, tells_pending=True),
    Scenario(digits="0014", name="webhook_lost", telling=T.NEVER),
    Scenario(digits="0015", name="webhook_early", telling=T.EARLY),
    Scenario(digits="0016", name="webhook_wrong_key", telling=T.WRONG_KEY),
    Scenario(digits="0018", name="webhook_other_amount", telling=T.OTHER_AMOUNT),
    Scenario(digits="0020", name="error_500_after_commit", answering=A.ERROR_500_AFTER_COMMIT),
    Scenario(digits="0021", name="hang_after_commit", answering=A.HANG_AFTER_COMMIT),
    Scenario(digits="0022", name="reset_after_commit", answering=A.RESET_AFTER_COMMIT),
    Scenario(digits="0023", name="error_500", answering=A.ERROR_500),
    Scenario(digits="0025", name="throttled_twice", answering=A.THROTTLED, first_answers=2),
    Scenario(digits="0026", name="html", answering=A.HTML),
    Scenario(digits="0027", name="empty", answering=A.EMPTY),
    Scenario(digits="0028", name="truncated", answering=A.TRUNCATED),
    Scenario(digits="0029", name="webhook_unknown_type", telling=T.UNKNOWN_TYPE),
    Scenario(digits="0031", name="refund_fails", refund_steps=(R.FAILED,)),
    Scenario(digits="0032", name="refund_fails_late", refund_steps=(R.PROCESSED, R.FAILED)),
    Scenario(digits="0033", name="webhook_repeated", telling=T.REPEATED),
    Scenario(digits="0034", name="webhook_unknown_reference", telling=T.UNKNOWN_REFERENCE),
    Scenario(digits="0035", name="refund_in_steps", refund_steps=(R.PROCESSING, R.PROCESSED), tells_pending=True),
    Scenario(digits="0036", name="refund_needs_attention", refund_steps=(R.NEEDS_ATTENTION,)),
    Scenario(digits="0037", name="refund_unnamed", telling=T.UNNAMED, tells_pending=True),
)

DEFAULT = SCENARIOS[0]
BY_DIGITS: Mapping[str, Scenario] = {scenario.digits: scenario for scenario in SCENARIOS}
BY_WORD: Mapping[str, Scenario] = {**BY_DIGITS, **{scenario.name: scenario for scenario in SCENARIOS}}

FIRST_OF_REFUNDS = "0010"


def scenario_of_payment(amount_minor_units: int, chosen: object) -> Scenario:
    """``chosen`` (digits or a name of the table) wins over the amount; whatever is in no row plays the default."""
    by_amount = BY_DIGITS.get(f"{amount_minor_units % 10_000:04}", DEFAULT)
    return BY_WORD.get(chosen, by_amount) if isinstance(chosen, str) else by_amount


def scenario_of_refund(amount_minor_units: int) -> Scenario:
    """By the refund's own amount from 0010 on: what comes before is about a customer who pays."""
    by_amount = BY_DIGITS.get(f"{amount_minor_units % 10_000:04}", DEFAULT)
    return by_amount if by_amount.digits >= FIRST_OF_REFUNDS else DEFAULT
