"""Chaos that can be repeated: what goes wrong depends on the seed and on what is asked, never on when."""

import hashlib
from collections.abc import Mapping
from typing import TypeVar

from shared.providers.cpay.simulator.scenarios import SCENARIOS, Answering, Telling

Fate = TypeVar("Fate", Answering, Telling)

NOT_BY_NAME = {Answering.PROPERLY, Answering.DECLINE_AT_ONCE}

ANSWERINGS: Mapping[str, Answering] = {
    **{str(answering): answering for answering in Answering if answering not in NOT_BY_NAME},
    "declined": Answering.DECLINE_AT_ONCE,
}
TELLINGS: Mapping[str, Telling] = {
    scenario.name: scenario.telling for scenario in SCENARIOS if scenario.name.startswith("webhook_")
}


def drawn_answering(seed: int, mix: Mapping[str, float], question: str, times: int) -> Answering:
    """How the ``times``-th request with this ``question`` is answered."""
    return _drawn(_fraction(seed, "answer", question, str(times)), mix, ANSWERINGS, Answering.PROPERLY)


def drawn_telling(seed: int, mix: Mapping[str, float], subject: str) -> Telling:
    """How the callbacks about what is made with this reference are told."""
    return _drawn(_fraction(seed, "callbacks", subject), mix, TELLINGS, Telling.PROPERLY)


def _fraction(seed: int, *asked: str) -> float:
    """At least 0, less than 1; evenly spread, and always the same for the same words."""
    digest = hashlib.sha256("\n".join([str(seed), *asked]).encode()).digest()
    return int.from_bytes(digest[:6], "big") / (1 << 48)


def _drawn(fraction: float, mix: Mapping[str, float], fates: Mapping[str, Fate], otherwise: Fate) -> Fate:
    for name, fate in fates.items():  # in our order, whatever order the mix was written in
        fraction -= mix.get(name, 0)
        if fraction < 0:
            return fate
    return otherwise
