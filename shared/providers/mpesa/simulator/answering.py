"""How M-Pesa's answers go wrong: armed by hand, as the scenario says, or by chaos."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from shared.provider_kit.simulator import LedgerFile, ResetConnection, SimulatedResponse
from shared.provider_kit.simulator import answering as kit_answering
from shared.provider_kit.simulator.answering import Spoil, Spoiling, cut_in_half, delayed, hanging, reset, silence
from shared.provider_kit.simulator.chaos import ChaosInForce
from shared.providers.mpesa.simulator.chaos import TELLINGS, Chaos
from shared.providers.mpesa.simulator.operations import Operation
from shared.providers.mpesa.simulator.scenarios import DEFAULT, Answering, Api, Scenario, Telling
from shared.providers.mpesa.simulator.speaking import Answer, envelope, written

SLOW_SECONDS = 1.0
ANY_API = "any"
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
GARBLED: Mapping[Answering, Spoil] = {
    Answering.EMPTY_500_AFTER_EXECUTING: lambda _true: SimulatedResponse(status=500),
    Answering.INTERNAL_ERROR_AFTER_EXECUTING: lambda _true: error(500, "500.001.1001", INTERNAL),
    Answering.HTML_AFTER_EXECUTING: lambda _true: html(200),
}


def spoiling(hang_seconds: float) -> Spoiling[Answering]:
    return Spoiling(
        instead={**REFUSALS, Answering.HANG: silence(hang_seconds)},
        afterwards={
            **GARBLED,
            Answering.HANG_AFTER_EXECUTING: hanging(hang_seconds),
            Answering.RESET_AFTER_EXECUTING: reset,
            Answering.TRUNCATED: cut_in_half,
            Answering.SLOW: delayed(SLOW_SECONDS),
        },
    )


class Answerer(kit_answering.Answerer[Answering]):
    """With what ``/chaos`` wants, or else the settings; and with rules that are armed for callbacks."""

    def __init__(self, file: LedgerFile, hang_seconds: float, chaos: Chaos) -> None:
        super().__init__(file, spoiling(hang_seconds), Answering.PROPERLY)
        self.chaos = ChaosInForce(file, chaos)

    def played(self, operation: Operation) -> Scenario:
        """The scenario that the request has chosen, or else what chaos makes of it; an armed telling wins."""
        scenario = operation.scenario if operation.is_chosen else self._drawn(operation)
        api = operation.asking.api
        telling = self.rules.spend(targets_of(api), TELLINGS) if api in TOLD_LATER else None
        return scenario if telling is None else replace(scenario, telling=Telling(telling))

    def _drawn(self, operation: Operation) -> Scenario:
        chaos = self.chaos.now()
        if not chaos.mix:
            return DEFAULT
        question = operation.question
        return replace(
            DEFAULT,
            answering=chaos.answering(question, self.chaos.count_asked(question)),
            telling=chaos.telling(operation.asking.subject),
        )


def targets_of(api: Api) -> tuple[str, ...]:
    """What a rule for this product is armed for: the product, or any but OAuth."""
    return (api,) if api is Api.OAUTH else (api, ANY_API)
