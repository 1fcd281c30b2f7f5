"""What every call to the provider passes: its breaker, and our own limit on how often it is called."""

import math
import time
from collections.abc import Callable
from typing import Protocol

from shared.coordination.breaker import Breakers
from shared.coordination.buckets import Bucket
from shared.domain.attempt import Attempt, Operation
from shared.domain.outcome import InDoubt, NotSent, Outcome

BREAKER_OPEN = "breaker open"
OUR_OWN_LIMIT = "our own limit"


class Gate(Protocol):
    def pass_through(self, attempt: Attempt, ask: Callable[[], Outcome]) -> Outcome:
        """Make the call, or say why it was not made."""


class OpenGate:
    """Lets everything through."""

    def pass_through(self, attempt: Attempt, ask: Callable[[], Outcome]) -> Outcome:  # noqa: ARG002 - whosesoever
        return ask()


class ProviderGate:
    def __init__(self, breakers: Breakers, bucket: Bucket, sleep: Callable[[float], None] = time.sleep) -> None:
        self._breakers, self._bucket, self._sleep = breakers, bucket, sleep

    def pass_through(self, attempt: Attempt, ask: Callable[[], Outcome]) -> Outcome:
        admission = self._breakers.admit(attempt.provider)
        if not admission.is_admitted:
            return not_made(attempt.operation, BREAKER_OPEN, admission.retry_after_seconds)
        turn = self._bucket.reserve()
        if not turn.is_granted:
            self._breakers.withdraw(attempt.provider, admission)
            return not_made(attempt.operation, OUR_OWN_LIMIT, math.ceil(turn.wait_seconds))
        if turn.wait_seconds > 0:
            self._sleep(turn.wait_seconds)
        outcome = ask()
        tell = self._breakers.failed if is_failure(attempt.operation, outcome) else self._breakers.succeeded
        tell(attempt.provider, admission)
        return outcome


def not_made(operation: Operation, reason: str, retry_after_seconds: int | None = None) -> NotSent | InDoubt:
    """The outcome of a call that we did not make. A query's ``NotSent`` would be proof that there is nothing."""
    if operation.asks:
        return InDoubt(reason=f"not asked: {reason}", was_asked=False)
    return NotSent(reason=reason, retry_after_seconds=retry_after_seconds)


def is_failure(operation: Operation, outcome: Outcome) -> bool:
    """Whether the provider did not answer. A decline is an answer; so is a throttle that says until when, and a query's
    proof that there is nothing. A refusal of credentials is one as well: they are one merchant's, and the others go on.
    """
    if isinstance(outcome, InDoubt):
        return True
    if not isinstance(outcome, NotSent) or operation.asks or outcome.is_misconfigured:
        return False
    return outcome.retry_after_seconds is None
