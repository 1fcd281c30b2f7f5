"""How long a callback that belongs to nobody is looked at again."""

from collections.abc import Sequence

from shared.messaging.retry_ladder import RetryLadder

# The ladder ends after 7 h 21 min. A provider may tell of a payment before whoever started it has told us, so the last
# level is taken three times more: 25 h 21 min in all.
MORE_AT_THE_END = 3


def rematch_delays_ms(ladder: RetryLadder) -> Sequence[int]:
    """How long to wait after each look in vain; after more looks than that, nobody looks again by himself."""
    return (*ladder.delays_ms, *[ladder.delays_ms[-1]] * MORE_AT_THE_END)
