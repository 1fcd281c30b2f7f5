"""Chaos that can be repeated: what goes wrong depends on the seed and on what is asked, never on when."""

import hashlib
import sqlite3
from collections.abc import Mapping
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictInt, field_validator

from shared.providers.mpesa.simulator.scenarios import Answering, Telling

Fate = TypeVar("Fate", Answering, Telling)
Share = Annotated[float, Field(ge=0, le=1)]

ANSWERINGS: Mapping[str, Answering] = {str(each): each for each in Answering if each is not Answering.PROPERLY}
TELLINGS: Mapping[str, Telling] = {str(each): each for each in Telling if each is not Telling.PROPERLY}


class Chaos(BaseModel):
    """``mix`` names what goes wrong and how often: the answers' shares are of all answers, the callbacks' of all
    that is made. Neither may sum over 1; what is left goes well.
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


def evenly(seed: int, rate: float) -> Chaos:
    """A mix in which ``rate`` of all answers, and of all callbacks, go wrong, in every way alike."""
    if rate == 0:
        return Chaos(seed=seed)
    answers = dict.fromkeys(ANSWERINGS, rate / len(ANSWERINGS))
    return Chaos(seed=seed, mix={**answers, **dict.fromkeys(TELLINGS, rate / len(TELLINGS))})


def sum_of(mix: Mapping[str, float], names: Mapping[str, object]) -> float:
    """In whole millionths, so that ten shares of 0.1 are 1 and not a little more."""
    return sum(int(share * 1_000_000 + 0.5) for name, share in mix.items() if name in names) / 1_000_000


def chaos_set(connection: sqlite3.Connection) -> Chaos | None:
    """What the control plane has set, if it has."""
    row = connection.execute("SELECT value FROM chaos").fetchone()
    return None if row is None else Chaos.model_validate_json(row["value"])


def set_chaos(connection: sqlite3.Connection, wanted: Chaos) -> None:
    """What has been asked is counted from here, so that the same seed repeats the same faults."""
    connection.execute("DELETE FROM asked_times")
    connection.execute("INSERT OR REPLACE INTO chaos (only_row, value) VALUES (1, ?)", (wanted.model_dump_json(),))


def drawn_answering(chaos: Chaos, question: str, times: int) -> Answering:
    """How the ``times``-th request with this ``question`` is answered."""
    return _drawn(_fraction(chaos.seed, "answer", question, str(times)), chaos.mix, ANSWERINGS, Answering.PROPERLY)


def drawn_telling(chaos: Chaos, subject: str) -> Telling:
    """How the callbacks about what is made with this reference are told."""
    return _drawn(_fraction(chaos.seed, "callbacks", subject), chaos.mix, TELLINGS, Telling.PROPERLY)


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
