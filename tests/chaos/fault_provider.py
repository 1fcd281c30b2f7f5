"""A provider that answers badly, late or never; callbacks that come twice, early, shuffled, wrong or not at all."""

import time

from tests.chaos.faults import Fault, Inject, Injection
from tests.chaos.load import Mix

LONGEST_SECONDS = 300.0

# Charged, and we do not get to know it.
TAKEN_UNTOLD = ("hang_after_commit",)
BAD_ANSWERS = (
    "error_500_after_commit",
    "reset_after_commit",
    "error_500",
    "unavailable_twice",
    "throttled_twice",
    "html",
    "empty",
    "truncated",
    "declined",
    "insufficient_funds",
)
CALLBACKS = (
    "webhook_twice",
    "webhook_two_ids",
    "webhook_out_of_order",
    "webhook_lost",
    "webhook_early",
    "webhook_wrong_secret",
    "webhook_stale",
    "webhook_future",
    "webhook_other_amount",
    "webhook_unknown_type",
)


def played(*scenarios: str) -> Inject:
    """Go on until so many payments and captures have been accepted that play one of these."""

    def inject(injection: Injection) -> int:
        give_up_at = time.monotonic() + LONGEST_SECONDS
        while (made := _played(injection, scenarios)) < injection.times and time.monotonic() < give_up_at:
            time.sleep(0.2)
        return made

    return inject


def _played(injection: Injection, scenarios: tuple[str, ...]) -> int:
    return sum(each.scenario in scenarios and each.resource_id is not None for each in list(injection.load.requests))


FAULTS = (
    Fault(
        name="provider takes the money and hangs",
        inject=played(*TAKEN_UNTOLD),
        smoke=8,
        full=150,
        mix=Mix(scenarios=TAKEN_UNTOLD, share_of_scenarios=0.12),
    ),
    Fault(
        name="provider answers badly, 30 %",
        inject=played(*BAD_ANSWERS),
        smoke=20,
        full=400,
        mix=Mix(scenarios=BAD_ANSWERS, share_of_scenarios=0.3),
    ),
    Fault(
        name="callbacks twice, shuffled, early, forged, missing",
        inject=played(*CALLBACKS),
        smoke=30,
        full=400,
        mix=Mix(scenarios=CALLBACKS, share_of_scenarios=0.6),
    ),
)
