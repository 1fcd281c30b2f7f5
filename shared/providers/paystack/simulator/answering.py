"""How Paystack's answers go wrong: armed by hand, or as the scenario says."""

from collections.abc import Callable, Mapping

from shared.provider_kit.simulator.answering import Spoiling, usual_spoiling
from shared.providers.paystack.simulator.exchange import Refused
from shared.providers.paystack.simulator.scenarios import Answering

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


def spoiling(hang_seconds: float) -> Spoiling[Answering]:
    """Afterwards, a look at what was made tells that it was."""
    return usual_spoiling(Answering, REFUSALS, broken, HTML, hang_seconds)
