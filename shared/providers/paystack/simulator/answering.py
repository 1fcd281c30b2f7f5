"""How Paystack's answers go wrong: armed by hand, or as the scenario says."""

from collections.abc import Callable, Mapping

from shared.provider_kit.simulator.answering import (
    Spoiling,
    cut_in_half,
    delayed,
    garbled,
    hanging,
    refused_afterwards,
    refusing,
    reset,
    silence,
)
from shared.providers.paystack.simulator.exchange import Refused
from shared.providers.paystack.simulator.scenarios import Answering

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


def spoiling(hang_seconds: float) -> Spoiling[Answering]:
    """Afterwards, a look at what was made tells that it was."""
    return Spoiling(
        instead={
            **{answering: refusing(refusal) for answering, refusal in REFUSALS.items()},
            Answering.HANG: silence(hang_seconds),
        },
        afterwards={
            Answering.ERROR_500_AFTER_COMMIT: refused_afterwards(broken),
            Answering.HANG_AFTER_COMMIT: hanging(hang_seconds),
            Answering.RESET_AFTER_COMMIT: reset,
            Answering.TRUNCATED: cut_in_half,
            Answering.SLOW: delayed(SLOW_SECONDS),
            Answering.HTML: garbled(HTML),
            Answering.EMPTY: garbled(b""),
        },
    )
