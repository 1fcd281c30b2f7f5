"""How CPay's answers go wrong: armed by hand, as the scenario says, or by chaos."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from shared.provider_kit.simulator import LedgerFile
from shared.provider_kit.simulator import answering as kit_answering
from shared.provider_kit.simulator.answering import Spoiling, usual_spoiling
from shared.provider_kit.simulator.chaos import ChaosInForce
from shared.providers.cpay.simulator.chaos import Chaos
from shared.providers.cpay.simulator.exchange import Refused
from shared.providers.cpay.simulator.operations import Operation
from shared.providers.cpay.simulator.scenarios import BY_WORD, Answering, Scenario

HTML = b"<!doctype html><title>Bad gateway</title><h1>It works!</h1>"


def authentication_refused() -> Refused:
    return Refused(401, "authentication", "invalid_api_key", "the API key is not known")


def permission_refused() -> Refused:
    return Refused(403, "permission", "not_permitted", "the API key may not do this")


def broken() -> Refused:
    return Refused(500, "api_error", "internal_error", "something broke")


# Nothing has been executed, and nothing is stored under the idempotency key.
REFUSALS: Mapping[Answering, Callable[[], Refused]] = {
    Answering.ERROR_500: broken,
    Answering.UNAVAILABLE: lambda: Refused(503, "api_error", "service_unavailable", "come back later"),
    Answering.THROTTLED: lambda: Refused(429, "rate_limited", "rate_limited", "too many requests", retry_after=2),
    Answering.UNAUTHORIZED: authentication_refused,
    Answering.FORBIDDEN: permission_refused,
}

SPOILING = frozenset(Answering) - {Answering.PROPERLY, Answering.DECLINE_AT_ONCE}


def spoiling(hang_seconds: float) -> Spoiling[Answering]:
    """Afterwards, the work's true answer is stored: a repetition with the same key gets it."""
    return usual_spoiling(Answering, REFUSALS, broken, HTML, hang_seconds)


class Answerer(kit_answering.Answerer[Answering]):
    """With what ``/_admin/chaos`` wants."""

    def __init__(self, file: LedgerFile, hang_seconds: float) -> None:
        super().__init__(file, spoiling(hang_seconds), Answering.PROPERLY)
        self.chaos = ChaosInForce(file, Chaos())

    def drawn(self, question: str) -> Answering:
        """What chaos wants of this request, which is counted."""
        chaos = self.chaos.now()
        return chaos.answering(question, self.chaos.count_asked(question)) if chaos.mix else Answering.PROPERLY

    def played(self, operation: Operation) -> Scenario:
        """The scenario that the request has chosen, or else what chaos makes of it."""
        wanted = operation.wanted
        if wanted.is_chosen:
            return wanted.scenario
        answering = self.drawn(operation.question)
        is_declined = answering is Answering.DECLINE_AT_ONCE
        scenario = BY_WORD["declined"] if is_declined else replace(wanted.scenario, answering=answering)
        return replace(scenario, telling=self.chaos.now().telling(wanted.subject))
