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
from shared.providers.paystack.simulator import books
from shared.providers.paystack.simulator.exchange import Refused
from shared.providers.paystack.simulator.scenarios import Answering, Scenario

SLOW_SECONDS = 1.0
HTML = b"<!doctype html><title>Bad gateway</title><h1>It works!</h1>"


def key_refused() -> Refused:
    return Refused(401, "Invalid key", code="invalid_Key")


def broken() -> Refused:
    return Refused(500, "An error occurred", code="unknown", kind="api_error")


# Nothing has been executed.
REFUSALS: Mapping[Answering, Callable[[], Refused]] = {
    Answering.ERROR_500: broken,
    Answering.THROTTLED: lambda: Refused(429, "Too many requests"),
    Answering.UNAUTHORIZED: key_refused,
}
# The work is committed; a look at it tells.
GARBLED_BODIES: Mapping[Answering, bytes] = {Answering.HTML: HTML, Answering.EMPTY: b""}


class Answerer:
    """Chooses how the next answer goes wrong, if it does."""

    def __init__(self, file: LedgerFile, hang_seconds: float) -> None:
        self._file = file
        self._hang_seconds = hang_seconds

    def armed(self, method: str) -> Answering:
        """What ``/_admin/faults`` wants of this request; one use of the rule is spent."""
        with self._file.reading() as connection:
            if not books.armed_rules(connection):
                return Answering.PROPERLY
        with self._file.transaction() as connection:
            return Answering(books.spend_rule(connection, method) or Answering.PROPERLY)

    def wanted(self, scenario: Scenario, question: str) -> Answering:
        """What the scenario wants of this request, which has not been executed yet."""
        if scenario.first_answers is None:
            return scenario.answering
        with self._file.transaction() as connection:
            times = books.count_spoiled(connection, question)
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
            raise broken()
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
