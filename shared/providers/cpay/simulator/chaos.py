"""What chaos can do to CPay."""

from collections.abc import Mapping

from shared.provider_kit.simulator import chaos as kit_chaos
from shared.providers.cpay.simulator.scenarios import SCENARIOS, Answering, Telling

NOT_BY_NAME = {Answering.PROPERLY, Answering.DECLINE_AT_ONCE}

ANSWERINGS: Mapping[str, Answering] = {
    **{str(answering): answering for answering in Answering if answering not in NOT_BY_NAME},
    "declined": Answering.DECLINE_AT_ONCE,
}
TELLINGS: Mapping[str, Telling] = {
    scenario.name: scenario.telling for scenario in SCENARIOS if scenario.name.startswith("webhook_")
}


class Chaos(kit_chaos.Chaos):
    answerings = tuple(ANSWERINGS)
    tellings = tuple(TELLINGS)

    def answering(self, question: str, times: int) -> Answering:
        """How the ``times``-th request with this ``question`` is answered."""
        return self.drawn(ANSWERINGS, Answering.PROPERLY, "answer", question, str(times))

    def telling(self, subject: str) -> Telling:
        """How the callbacks about what is made with this reference are told."""
        return self.drawn(TELLINGS, Telling.PROPERLY, "callbacks", subject)
