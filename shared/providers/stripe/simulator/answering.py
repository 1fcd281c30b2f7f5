"""How an answer goes wrong: before anything is executed, or after it is committed."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from shared.provider_kit.simulator import (
    Delay,
    Fault,
    Hang,
    LedgerFile,
    ResetConnection,
    SimulatedResponse,
    TruncateBody,
)
from shared.providers.stripe.simulator import bookkeeping, chaos
from shared.providers.stripe.simulator.chaos import Chaos
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
# The work is committed and its true answer stored: a repetition with the same key gets it.
GARBLED_BODIES: Mapping[Answering, bytes] = {Answering.HTML: HTML, Answering.EMPTY: b""}
SPOILING = frozenset(Answering) - {Answering.PROPERLY, Answering.DECLINE}


class Answerer:
    """Chooses how the next answer goes wrong, if it does."""

    def __init__(self, file: LedgerFile, settings: StripeSimulatorSettings) -> None:
        self._file = file
        self._hang_seconds = settings.hang_seconds
        self._usual = chaos.usual(settings.chaos_seed, settings.chaos_rate)

    def armed(self, method: str) -> Answering:
        """What ``_admin/faults`` wants of this request; one use of the rule is spent."""
        with self._file.reading() as connection:
            if not bookkeeping.armed_rules(connection):
                return Answering.PROPERLY
        with self._file.transaction() as connection:
            return Answering(bookkeeping.spend_rule(connection, method) or Answering.PROPERLY)

    def chaos(self) -> Chaos:
        """What ``_admin/chaos`` has set, else what the settings say."""
        with self._file.reading() as connection:
            value = bookkeeping.mode(connection, "chaos")
        return self._usual if value is None else Chaos.model_validate_json(value)

    def drawn(self, question: str) -> Answering:
        """What the chaos wants of this request, which is counted."""
        wanted = self.chaos()
        if not wanted.mix:
            return Answering.PROPERLY
        with self._file.transaction() as connection:
            times = bookkeeping.count_asked(connection, question)
        return chaos.drawn_answering(wanted, question, times)

    def played(self, chosen: Scenario | None, question: str, subject: str) -> Scenario | None:
        """The scenario that the request has chosen, or else what chaos makes of it."""
        if chosen is not None:
            return chosen
        answering, telling = self.drawn(question), chaos.drawn_telling(self.chaos(), subject)
        if answering is Answering.PROPERLY and telling is Telling.PROPERLY:
            return None
        if answering is Answering.DECLINE:
            return replace(BY_WORD["declined"], telling=telling)
        return replace(DEFAULT, answering=answering, telling=telling)

    def wanted(self, scenario: Scenario, key: str) -> Answering:
        """What the scenario wants of this request, which has not been executed yet."""
        if scenario.first_answers is None:
            return scenario.answering
        with self._file.transaction() as connection:
            times = bookkeeping.count_spoiled(connection, key)
        return scenario.answering if times <= scenario.first_answers else Answering.PROPERLY

    def instead(self, answering: Answering) -> SimulatedResponse | None:
        """An answer in place of the work; ``None``: do the work.

        Raises:
            Refused: the answer is an ordinary error.
        """
        if answering in REFUSALS:
            refusal = REFUSALS[answering]()
            raise refusal
        if answering is Answering.HANG:
            return SimulatedResponse(status=504, fault=Hang(self._hang_seconds))
        if answering is Answering.RESET:
            return SimulatedResponse(status=500, fault=ResetConnection())
        return None

    def spoilt(self, answering: Answering, response: SimulatedResponse) -> SimulatedResponse:
        """The true answer, as the client gets to see it."""
        if answering in GARBLED_BODIES:
            headers = {**response.headers, "Content-Type": "text/html"}
            return SimulatedResponse(status=200, headers=headers, body=GARBLED_BODIES[answering])
        fault = self._fault(answering, response.body)
        return response if fault is None else replace(response, fault=fault)

    def _fault(self, answering: Answering, body: bytes) -> Fault | None:
        match answering:
            case Answering.HANG_AFTER_COMMIT:
                return Hang(self._hang_seconds)
            case Answering.RESET_AFTER_COMMIT:
                return ResetConnection()
            case Answering.TRUNCATED:
                return TruncateBody(kept_bytes=len(body) // 2)
            case Answering.SLOW:
                return Delay(SLOW_SECONDS)
            case _:
                return None
