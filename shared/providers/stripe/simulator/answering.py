"""How Stripe's answers go wrong: armed by hand, as the scenario says, or by chaos."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from shared.provider_kit.simulator import LedgerFile, ResetConnection, SimulatedResponse
from shared.provider_kit.simulator import answering as kit_answering
from shared.provider_kit.simulator.answering import (
    Spoiling,
    cut_in_half,
    delayed,
    garbled,
    hanging,
    refusing,
    reset,
    silence,
)
from shared.provider_kit.simulator.chaos import ChaosInForce
from shared.providers.stripe.simulator.chaos import usual
from shared.providers.stripe.simulator.exchange import Refused
from shared.providers.stripe.simulator.scenarios import BY_WORD, DEFAULT, Answering, Scenario, Telling
from shared.providers.stripe.simulator.settings import StripeSimulatorSettings

SLOW_SECONDS = 2.0
HTML = b"<!doctype html><title>502 Bad Gateway</title><h1>502 Bad Gateway</h1>"
LOCKED = (
    "This object cannot be accessed right now because another API request or Stripe process is currently accessing it. "
    "If you see this error intermittently, retry the request."
)
TOO_MANY = "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits."
RETRY = {"Stripe-Should-Retry": "true"}


def authentication_refused(key: str = "") -> Refused:
    """The key is shown as Stripe shows it: its beginning and its end."""
    shown = f"{key[:8]}{'*' * 12}{key[-4:]}" if len(key) > 12 else "*" * len(key)
    return Refused(401, f"Invalid API Key provided: {shown}", headers={"WWW-Authenticate": 'Bearer realm="Stripe"'})


def permission_refused() -> Refused:
    return Refused(403, "The provided key does not have the required permissions for this endpoint.")


def throttled(headers: Mapping[str, str] | None = None) -> Refused:
    limited = {"Stripe-Rate-Limited-Reason": "global-rate", **(headers or {})}
    return Refused(429, TOO_MANY, code="rate_limit", headers=limited)


def broken(headers: Mapping[str, str] | None = None) -> Refused:
    return Refused(500, "An unknown error occurred", kind="api_error", headers=headers)


# Nothing has been executed, and nothing is stored under the idempotency key.
REFUSALS: Mapping[Answering, Callable[[], Refused]] = {
    Answering.ERROR_500_AT_THE_GATE: broken,
    Answering.UNAVAILABLE: lambda: Refused(503, "Stripe is temporarily unavailable.", kind="api_error"),
    Answering.THROTTLED: throttled,
    Answering.THROTTLED_RETRY: lambda: throttled(RETRY),
    Answering.LOCK_TIMEOUT: lambda: Refused(429, LOCKED, code="lock_timeout", headers=RETRY),
    Answering.LOCK_TIMEOUT_409: lambda: Refused(409, LOCKED, code="lock_timeout"),
    Answering.UNAUTHORIZED: authentication_refused,
    Answering.FORBIDDEN: permission_refused,
}
# The request began executing: this 500 is what its idempotency key answers from now on.
STORED_500 = frozenset({Answering.ERROR_500, Answering.ERROR_500_AFTER_COMMIT})
SPOILING = frozenset(Answering) - {Answering.PROPERLY, Answering.DECLINE}


def spoiling(hang_seconds: float) -> Spoiling[Answering]:
    """Afterwards, the work's true answer is stored: a repetition with the same key gets it."""
    return Spoiling(
        instead={
            **{answering: refusing(refusal) for answering, refusal in REFUSALS.items()},
            Answering.HANG: silence(hang_seconds),
            Answering.RESET: lambda: SimulatedResponse(status=500, fault=ResetConnection()),
        },
        afterwards={
            Answering.HANG_AFTER_COMMIT: hanging(hang_seconds),
            Answering.RESET_AFTER_COMMIT: reset,
            Answering.TRUNCATED: cut_in_half,
            Answering.SLOW: delayed(SLOW_SECONDS),
            Answering.HTML: garbled(HTML),
            Answering.EMPTY: garbled(b""),
        },
    )


class Answerer(kit_answering.Answerer[Answering]):
    """With what ``_admin/chaos`` wants, or else the settings."""

    def __init__(self, file: LedgerFile, settings: StripeSimulatorSettings) -> None:
        super().__init__(file, spoiling(settings.hang_seconds), Answering.PROPERLY)
        self.chaos = ChaosInForce(file, usual(settings.chaos_seed, settings.chaos_rate))

    def drawn(self, question: str) -> Answering:
        """What chaos wants of this request, which is counted."""
        chaos = self.chaos.now()
        return chaos.answering(question, self.chaos.count_asked(question)) if chaos.mix else Answering.PROPERLY

    def played(self, chosen: Scenario | None, question: str, subject: str) -> Scenario | None:
        """The scenario that the request has chosen, or else what chaos makes of it."""
        if chosen is not None:
            return chosen
        answering, telling = self.drawn(question), self.chaos.now().telling(subject)
        if answering is Answering.PROPERLY and telling is Telling.PROPERLY:
            return None
        if answering is Answering.DECLINE:
            return replace(BY_WORD["declined"], telling=telling)
        return replace(DEFAULT, answering=answering, telling=telling)
