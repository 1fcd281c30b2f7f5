"""What a provider's ``fixtures/contract.json`` says, and what its simulator's truth API tells."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PaymentCase(Strict):
    """How a provider's simulator is made to play a case; the rest is what is then expected."""

    amount_minor: int
    currency: str
    metadata: dict[str, str] = Field(default_factory=dict)
    payment_method_token: str | None = None
    provider_code: str = ""
    provider_status: str = ""
    retry_after_seconds: int | None = None


class AmountCase(Strict):
    """Of a refund or a capture: the currency is its payment's."""

    amount_minor: int


class PayoutCase(Strict):
    amount_minor: int
    currency: str


class TillPaymentCase(Strict):
    """``path`` of the truth API takes ``{"till", "account", "amount", "currency", "phone"}``.

    ``told_phone`` is what comes back of the phone, where that is not all of it.
    """

    path: str
    till: str
    amount_minor: int
    currency: str
    phone: str
    told_phone: str | None = "all"


Lacking = Literal[
    "payment_key",  # a repeated payment is not recognised by its key
    "payment_lookup",  # a payment is not found by our id alone
    "unique_reference",  # it is the key alone that makes a request known again
    "healed_errors",  # what failed after it was executed fails again under its key
    "sequence",  # callbacks are not numbered
    "refund_key",
    "refund_lookup",
    "refund_query",  # what became of a refund is told by callbacks only
    "payout_key",  # it is our id that makes a payout known again
    "payout_query",
    "signed_body",  # callbacks are believed by where they come from and to
    "dated_callbacks",
    "callback_of_pending",
    "amount_in_query",  # what became of a payment is told without its amount
    "statement_by_our_id",  # a statement names what their customers see, not our ids
    "overdraft_check",  # it is the core that keeps refunds within what was taken
]


class Contract(Strict):
    """``fixtures/contract.json`` of a provider; a case that it cannot play is left out and skipped.

    ``receipts``: whether callbacks bring one. ``payment_method_token`` comes with every payment that has none of its
    own. ``unknown_currency`` is one that the provider does not take. ``lacks`` names what the provider does not do at
    all: the tests in its own folder say what holds instead. In ``config`` and ``simulator_settings``,
    ``{callback_url}`` stands for where callbacks are received.
    """

    lacks: frozenset[Lacking] = frozenset()
    receipts: bool = False
    payment_method_token: str | None = None
    unknown_currency: str = "ISK"
    base_path: str
    ledger_path: str
    simulator_settings: dict[str, str]
    config: dict[str, JsonValue]
    wrong_config: dict[str, JsonValue]
    payments: dict[str, PaymentCase]
    refunds: dict[str, AmountCase]
    captures: dict[str, AmountCase] = Field(default_factory=dict)
    payouts: dict[str, PayoutCase] = Field(default_factory=dict)
    till_payment: TillPaymentCase | None = None


class Entry(BaseModel):
    """What the simulator's truth API tells of one reference of ours."""

    payments: int = 0
    captures: int = 0
    refunds: int = 0
    payouts: int = 0
    captured_minor: int = 0
    refunded_minor: int = 0
    paid_out_minor: int = 0
    idempotency_keys: list[str] = Field(default_factory=list)


class Ledger(BaseModel):
    by_reference: dict[str, Entry]
