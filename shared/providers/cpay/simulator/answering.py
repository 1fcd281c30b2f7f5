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
from shared.providers.cpay.simulator import bookkeeping, modes
from shared.providers.cpay.simulator.chaos import drawn_answering, drawn_telling
from shared.providers.cpay.simulator.exchange import Refused
from shared.providers.cpay.simulator.operations import Operation
from shared.providers.cpay.simulator.scenarios import BY_WORD, Answering, Scenario

SLOW_SECONDS = 1.0
HTML = b"<!doctype html><title>Bad gateway</title><h1>It works!</h1>"


def authentication_refused() -> Refused:
    return Refused(401, "authentication", "invalid_api_key", "the API key is not known")


def permission_refused() -> Refused:
    return Refused(403, "permission", "not_permitted", "the API key may not do this")


# Nothing has been executed, and nothing is stored under the idempotency key.
REFUSALS: Mapping[Answering, Callable[[], Refused]] = {
    Answering.ERROR_500: lambda: Refused(500, "api_error", "internal_error", "something broke"),
    Answering.UNAVAILABLE: lambda: Refused(503, "api_error", "service_unavailable", "come back later"),
    Answering.THROTTLED: lambda: Refused(429, "rate_limited", "rate_limited", "too many requests", retry_after=2),
    Answering.UNAUTHORIZED: authentication_refused,
    Answering.FORBIDDEN: permission_refused,
}

# The work is committed and its true answer stored: a repetition with the same key gets it.
GARBLED_BODIES: Mapping[Answering, bytes] = {Answering.HTML: HTML, Answering.EMPTY: b""}

SPOILING = frozenset(Answering) - {Answering.PROPERLY, Answering.DECLINE_AT_ONCE}


class Answerer:
    """Chooses how the next answer goes wrong, if it does."""

    def __init__(self, file: LedgerFile, hang_seconds: float) -> None:
        self._file = file
        self._hang_seconds = hang_seconds

    def armed(self, method: str) -> Answering:
        """What ``/_admin/faults`` wants of this request; one use of the rule is spent."""
        with self._file.reading() as connection:
            if not bookkeeping.armed_rules(connection):
                return Answering.PROPERLY
        with self._file.transaction() as connection:
            return Answering(bookkeeping.spend_rule(connection, method) or Answering.PROPERLY)

    def drawn(self, question: str) -> Answering:
        """What ``/_admin/chaos`` wants of this request, which is counted."""
        with self._file.reading() as connection:
            chaos = modes.chaos(connection)
        if not chaos.mix:
            return Answering.PROPERLY
        with self._file.transaction() as connection:
            times = modes.count_asked(connection, question)
        return drawn_answering(chaos.seed, chaos.mix, question, times)

    def played(self, operation: Operation) -> Scenario:
        """The scenario that the request has chosen, or else what chaos makes of it."""
        wanted = operation.wanted
        if wanted.is_chosen:
            return wanted.scenario
        answering = self.drawn(operation.question)
        is_declined = answering is Answering.DECLINE_AT_ONCE
        scenario = BY_WORD["declined"] if is_declined else replace(wanted.scenario, answering=answering)
        with self._file.reading() as connection:
            chaos = modes.chaos(connection)
        return replace(scenario, telling=drawn_telling(chaos.seed, chaos.mix, wanted.subject))

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
        return None

    def spoilt(self, answering: Answering, response: SimulatedResponse) -> SimulatedResponse:
        """The true answer, as the client gets to see it."""
        if answering is Answering.ERROR_500_AFTER_COMMIT:
            refusal = REFUSALS[Answering.ERROR_500]()
            raise refusal
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
