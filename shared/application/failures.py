"""Says in our words why something failed."""

from shared.domain.failure import FailureCode
from shared.domain.failure_advice import ADVICE
from shared.domain.outcome import Declined
from shared.domain.transaction import Failure


def failure_of(outcome: Declined) -> Failure:
    """A decline in our words, with theirs beside."""
    code = FailureCode(outcome.code)
    return Failure(
        code=code,
        message=ADVICE[code].message,
        provider_code=outcome.provider_code,
        provider_message=outcome.provider_message,
    )
