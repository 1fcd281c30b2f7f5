"""Chaos that can be repeated: what goes wrong depends on the seed and on what is asked, never on when."""

import hashlib
from collections.abc import Mapping
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictInt, field_validator

from shared.providers.stripe.simulator.scenarios import Answering, Telling

Fate = TypeVar("Fate", Answering, Telling)

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
Share = Annotated[float, Field(ge=0, le=1)]


class Chaos(BaseModel):
    """``mix`` names what goes wrong and how often: the answers' shares are of all answers, the webhooks' of all
    payments. Neither may sum over 1; what is left goes well.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: StrictInt = 0
    mix: dict[str, Share] = Field(default_factory=dict)

    @field_validator("mix")
    @classmethod
    def is_playable(cls, mix: dict[str, float]) -> dict[str, float]:
        unknown = sorted(mix.keys() - ANSWERINGS.keys() - TELLINGS.keys())
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: not one of {', '.join([*ANSWERINGS, *TELLINGS])}")
        for names in (ANSWERINGS, TELLINGS):
            if sum_of(mix, names) > 1:
                raise ValueError(f"the shares of {', '.join(sorted(mix.keys() & names.keys()))} sum over 1")
        return mix


def sum_of(mix: Mapping[str, float], names: Mapping[str, object]) -> float:
    """In whole millionths, so that ten shares of 0.1 are 1 and not a little more."""
    return sum(int(share * 1_000_000 + 0.5) for name, share in mix.items() if name in names) / 1_000_000


def usual(seed: int, rate: float) -> Chaos:
    """The usual faults, evenly."""
    if not rate:
        return Chaos(seed=seed)
    answers = {str(name): rate / len(USUAL_ANSWERINGS) for name in USUAL_ANSWERINGS}
    return Chaos(seed=seed, mix={**answers, **{str(name): rate / len(USUAL_TELLINGS) for name in USUAL_TELLINGS}})


def drawn_answering(chaos: Chaos, question: str, times: int) -> Answering:
    """How the ``times``-th request with this ``question`` is answered."""
    return _drawn(_fraction(chaos.seed, "answer", question, str(times)), chaos.mix, ANSWERINGS, Answering.PROPERLY)


def drawn_telling(chaos: Chaos, subject: str) -> Telling:
    """How the events about what is made with this reference are told."""
    return _drawn(_fraction(chaos.seed, "webhooks", subject), chaos.mix, TELLINGS, Telling.PROPERLY)


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
