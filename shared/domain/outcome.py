"""What a call to a provider came to: six values, of which exactly one may be tried again.

``reference`` is the provider's id of what was asked for: of the payment, or of the refund.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.domain.money import Money

# The provider's answer, redacted, as JSON; kept for audit beside the outcome.
Answer = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded:
    """The money has moved; of a payment that was captured in part, ``captured`` says how much (``None``: all).

    ``receipt`` is what the provider gave the customer as proof, where that is not ``reference``; ``reference`` is
    ``None`` only where the proof has come without it.
    """

    reference: str | None
    captured: Money | None = None
    receipt: str | None = None
    answer: Answer = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorized:
    """The money is reserved and waits for a capture."""

    reference: str
    answer: Answer = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """The provider has it and is at work; a webhook or a query will tell.

    ``next_action`` says what the customer must do, where they must; ``None`` where they need not.
    """

    reference: str | None
    next_action: Mapping[str, str] | None = None
    answer: Answer = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """They said no; never tried again.

    ``code`` is one of ours (``FailureCode``), ``provider_code`` and ``provider_message`` are their words.
    """

    code: str
    provider_code: str = ""
    provider_message: str = ""
    reference: str | None = None
    answer: Answer = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """Surely not executed; the only outcome that is tried again. ``retry_after_seconds`` is their wish, if any.

    A ``reason`` that begins with ``misconfigured`` says that it is our credentials or settings that they do not take.
    """

    reason: str
    retry_after_seconds: int | None = None

    @property
    def is_misconfigured(self) -> bool:
        return self.reason.startswith("misconfigured")


@dataclass(frozen=True, slots=True, kw_only=True)
class InDoubt:
    """It may have been executed; it is queried, never sent again.

    ``was_asked`` is false for a query that we did not make: it says nothing of the provider.
    """

    reason: str
    answer: Answer = field(default_factory=dict)
    was_asked: bool = True


MaybeExecuted = Succeeded | Authorized | Pending | Declined | InDoubt
Outcome = MaybeExecuted | NotSent


def alert_of(outcome: Outcome) -> str | None:
    """What somebody of ours must look at, whatever becomes of the money: an adapter puts it into the answer."""
    answer: Answer = {} if isinstance(outcome, NotSent) else outcome.answer
    return str(answer["alert"]) if "alert" in answer else None
