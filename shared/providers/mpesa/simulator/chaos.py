"""What chaos can do to M-Pesa."""

from collections.abc import Mapping

from shared.provider_kit.simulator import chaos as kit_chaos
from shared.provider_kit.simulator.chaos import evenly
from shared.providers.mpesa.simulator.scenarios import Answering, Telling

ANSWERINGS: Mapping[str, Answering] = {str(each): each for each in Answering if each is not Answering.PROPERLY}
TELLINGS: Mapping[str, Telling] = {str(each): each for each in Telling if each is not Telling.PROPERLY}


class Chaos(kit_chaos.Chaos):
    answerings = tuple(ANSWERINGS)
    tellings = tuple(TELLINGS)

    def answering(self, question: str, times: int) -> Answering:
        """How the ``times``-th request with this ``question`` is answered."""
        return self.drawn(ANSWERINGS, Answering.PROPERLY, "answer", question, str(times))

    def telling(self, subject: str) -> Telling:
        """How the callbacks about what is made with this reference are told."""
        return self.drawn(TELLINGS, Telling.PROPERLY, "callbacks", subject)


def usual(seed: int, rate: float) -> Chaos:
    """A mix in which ``rate`` of all answers, and of all callbacks, go wrong, in every way alike."""
    return Chaos(seed=seed, mix={**evenly(ANSWERINGS, rate), **evenly(TELLINGS, rate)})
