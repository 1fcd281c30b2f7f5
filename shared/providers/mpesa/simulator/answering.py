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
from shared.providers.mpesa.simulator import bookkeeping
from shared.providers.mpesa.simulator.chaos import Chaos, chaos_set, drawn_answering, drawn_telling
from shared.providers.mpesa.simulator.operations import Operation
from shared.providers.mpesa.simulator.scenarios import DEFAULT, Answering, Api, Scenario, Telling
from shared.providers.mpesa.simulator.speaking import Answer, envelope, written

SLOW_SECONDS = 1.0
HTML = b"<!doctype html><html><head><title>503</title></head><body><h1>Service Unavailable</h1></body></html>"


def html(status: int) -> SimulatedResponse:
    return SimulatedResponse(status=status, headers={"Content-Type": "text/html"}, body=HTML)


def error(status: int, code: str, message: str) -> SimulatedResponse:
    return written(Answer(status=status, body=envelope(code, message)))


def apigee_fault() -> SimulatedResponse:
    """As the gateway product itself words it, where Safaricom has not put its own envelope around it."""
    text = "Spike arrest violation. Allowed rate : MessageRate{messagesPerPeriod=5, periodInMicroseconds=1000000}"
    detail = {"errorcode": "policies.ratelimit.SpikeArrestViolation"}
    return written(Answer(status=429, body={"fault": {"faultstring": text, "detail": detail}}))


# What is answered for good at once has no callback that could go wrong.
TOLD_LATER = frozenset({Api.STK, Api.B2C, Api.REVERSAL, Api.STATUS, Api.BALANCE})

BUSY = "System is busy. Please try again in few minutes."
INTERNAL = "Internal Server Error"

# Nothing has been executed.
REFUSALS: Mapping[Answering, Callable[[], SimulatedResponse]] = {
    Answering.HTML_503: lambda: html(503),
    Answering.EMPTY_500: lambda: SimulatedResponse(status=500),
    Answering.SPIKE_ARREST: apigee_fault,
    Answering.THROTTLED: lambda: error(500, "500.003.02", "Error Occurred: Spike Arrest Violation"),
    Answering.SYSTEM_BUSY: lambda: error(500, "500.003.02", BUSY),
    Answering.QUOTA: lambda: error(500, "500.003.03", "Quota Violation"),
    Answering.MAINTENANCE: lambda: error(
        503, "00.002.1001", "Service is currently under maintenance. Please try again later"
    ),
    Answering.ERROR_WITH_200: lambda: error(200, "500.003.02", BUSY),
    Answering.INTERNAL_ERROR: lambda: error(500, "500.001.1001", INTERNAL),
    Answering.RESET: lambda: SimulatedResponse(status=504, fault=ResetConnection()),
}

# The work is committed.
GARBLED: Mapping[Answering, Callable[[], SimulatedResponse]] = {
    Answering.EMPTY_500_AFTER_EXECUTING: lambda: SimulatedResponse(status=500),
    Answering.INTERNAL_ERROR_AFTER_EXECUTING: lambda: error(500, "500.001.1001", INTERNAL),
    Answering.HTML_AFTER_EXECUTING: lambda: html(200),
}


class Answerer:
    """Chooses how the next answer goes wrong, if it does: as armed, as the scenario says, or by chaos."""

    def __init__(self, file: LedgerFile, hang_seconds: float, chaos: Chaos) -> None:
        self._file = file
        self._hang_seconds = hang_seconds
        self._configured_chaos = chaos

    def armed(self, api: Api) -> Answering:
        """What ``/faults`` wants of this request; one use of the rule is spent."""
        return Answering(self._spent(api, is_telling=False) or Answering.PROPERLY)

    def chaos(self) -> Chaos:
        with self._file.reading() as connection:
            return chaos_set(connection) or self._configured_chaos

    def played(self, operation: Operation) -> Scenario:
        """The scenario that the request has chosen, or else what chaos makes of it; an armed telling wins."""
        scenario = operation.scenario if operation.is_chosen else self._drawn(operation)
        api = operation.asking.api
        telling = self._spent(api, is_telling=True) if api in TOLD_LATER else None
        return scenario if telling is None else replace(scenario, telling=Telling(telling))

    def wanted(self, scenario: Scenario, operation: Operation) -> Answering:
        """What the scenario wants of this request, which has not been executed yet."""
        if scenario.first_answers is None:
            return scenario.answering
        with self._file.transaction() as connection:
            subject = f"{operation.asking.api} {operation.asking.subject}"
            times = bookkeeping.count_spoiled(connection, subject)
        return scenario.answering if times <= scenario.first_answers else Answering.PROPERLY

    def instead(self, answering: Answering) -> SimulatedResponse | None:
        """An answer in place of the work; ``None``: do the work."""
        if answering is Answering.HANG:
            return SimulatedResponse(status=504, fault=Hang(self._hang_seconds))
        return REFUSALS[answering]() if answering in REFUSALS else None

    def spoilt(self, answering: Answering, response: SimulatedResponse) -> SimulatedResponse:
        """The true answer, as the client gets to see it."""
        if answering in GARBLED:
            return GARBLED[answering]()
        fault = self._fault(answering, response.body)
        return response if fault is None else replace(response, fault=fault)

    def _fault(self, answering: Answering, body: bytes) -> Fault | None:
        match answering:
            case Answering.HANG_AFTER_EXECUTING:
                return Hang(self._hang_seconds)
            case Answering.RESET_AFTER_EXECUTING:
                return ResetConnection()
            case Answering.TRUNCATED:
                return TruncateBody(kept_bytes=len(body) // 2)
            case Answering.SLOW:
                return Delay(SLOW_SECONDS)
            case _:
                return None

    def _drawn(self, operation: Operation) -> Scenario:
        chaos = self.chaos()
        if not chaos.mix:
            return DEFAULT
        question = f"{operation.asking.api} {operation.asking.subject}"
        with self._file.transaction() as connection:
            times = bookkeeping.count_asked(connection, question)
        return replace(
            DEFAULT,
            answering=drawn_answering(chaos, question, times),
            telling=drawn_telling(chaos, operation.asking.subject),
        )

    def _spent(self, api: Api, *, is_telling: bool) -> str | None:
        with self._file.reading() as connection:
            if not bookkeeping.armed_rules(connection):
                return None
        with self._file.transaction() as connection:
            return bookkeeping.spend_rule(connection, api, is_telling=is_telling)
