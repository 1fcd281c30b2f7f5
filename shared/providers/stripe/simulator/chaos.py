"""What chaos can do to Stripe."""

from collections.abc import Mapping

from shared.provider_kit.simulator import chaos as kit_chaos
from shared.provider_kit.simulator.chaos import evenly
from shared.providers.stripe.simulator.scenarios import Answering, Telling

ANSWERINGS: Mapping[str, Answering] = {
    str(answering): answering for answering in Answering if answering is not Answering.PROPERLY
}
TELLINGS: Mapping[str, Telling] = {str(telling): telling for telling in Telling if telling is not Telling.PROPERLY}

# What ``chaos_rate`` is shared out among: what a careful client survives without anybody's help.
USUAL_ANSWERINGS = (
    *(Answering.ERROR_500_AFTER_COMMIT, Answering.HANG_AFTER_COMMIT, Answering.RESET_AFTER_COMMIT, Answering.HTML),
    *(Answering.TRUNCATED, Answering.UNAVAILABLE, Answering.THROTTLED, Answering.LOCK_TIMEOUT_409),
)
USUAL_TELLINGS = (
    *(Telling.NEVER, Telling.TWICE, Telling.TWO_IDS, Telling.OUT_OF_ORDER, Telling.EARLY, Telling.WRONG_SECRET),
    *(Telling.STALE, Telling.UNKNOWN_TYPE),
)


class Chaos(kit_chaos.Chaos):
    answerings = tuple(ANSWERINGS)
    tellings = tuple(TELLINGS)

    def answering(self, question: str, times: int) -> Answering:
        """How the ``times``-th request with this ``question`` is answered."""
        return self.drawn(ANSWERINGS, Answering.PROPERLY, "answer", question, str(times))

    def telling(self, subject: str) -> Telling:
        """How the events about what is made with this reference are told."""
        return self.drawn(TELLINGS, Telling.PROPERLY, "webhooks", subject)


def usual(seed: int, rate: float) -> Chaos:
    """The usual faults, evenly."""
    return Chaos(seed=seed, mix={**evenly(USUAL_ANSWERINGS, rate), **evenly(USUAL_TELLINGS, rate)})
