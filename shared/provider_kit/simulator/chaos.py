"""Chaos that can be repeated: what goes wrong depends on the seed and on what is asked, never on when."""

import hashlib
from collections.abc import Collection, Mapping
from typing import Annotated, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictInt, field_validator

from shared.provider_kit.simulator.ledger_file import LedgerFile
from shared.provider_kit.simulator.tally import Tally

SCHEMA = """
CREATE TABLE IF NOT EXISTS chaos (only_row INTEGER PRIMARY KEY, value TEXT NOT NULL);
"""

MILLION = 1_000_000

Share = Annotated[float, Field(ge=0, le=1)]
Fate = TypeVar("Fate")


class Chaos(BaseModel):
    """``mix`` names what goes wrong and how often: the answers' shares are of all answers, the callbacks' of all
    that is made. Neither may sum over 1; what is left goes well.

    Each simulator has a subclass that says what can go wrong with its ``answerings`` and its ``tellings``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    answerings: ClassVar[Collection[str]] = ()
    tellings: ClassVar[Collection[str]] = ()

    seed: StrictInt = 0
    mix: dict[str, Share] = Field(default_factory=dict)

    @field_validator("mix")
    @classmethod
    def is_playable(cls, mix: dict[str, float]) -> dict[str, float]:
        unknown = sorted(mix.keys() - {*cls.answerings, *cls.tellings})
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: not one of {', '.join([*cls.answerings, *cls.tellings])}")
        for names in (cls.answerings, cls.tellings):
            if _sum_of(mix, names) > MILLION:
                raise ValueError(f"the shares of {', '.join(sorted(mix.keys() & set(names)))} sum over 1")
        return mix

    def drawn(self, fates: Mapping[str, Fate], otherwise: Fate, *asked: str) -> Fate:
        """One of ``fates``, as the mix has them; always the same for the same seed and the same words."""
        fraction = _fraction(self.seed, *asked)
        for name, fate in fates.items():  # in our order, whatever order the mix was written in
            fraction -= self.mix.get(name, 0)
            if fraction < 0:
                return fate
        return otherwise


SomeChaos = TypeVar("SomeChaos", bound=Chaos)


class ChaosInForce(Generic[SomeChaos]):
    """The chaos that holds: what the control plane has set, else ``usual``."""

    def __init__(self, ledger: LedgerFile, usual: SomeChaos) -> None:
        self._ledger = ledger
        self._usual = usual
        self._asked = Tally(ledger, "asked under chaos")

    def now(self) -> SomeChaos:
        with self._ledger.reading() as connection:
            row = connection.execute("SELECT value FROM chaos").fetchone()
        return self._usual if row is None else type(self._usual).model_validate_json(row["value"])

    def set(self, wanted: SomeChaos) -> None:
        """What has been asked is counted from here, so that the same seed repeats the same faults."""
        with self._ledger.transaction() as connection:
            self._asked.forget(connection)
            value = wanted.model_dump_json()
            connection.execute("INSERT OR REPLACE INTO chaos (only_row, value) VALUES (1, ?)", (value,))

    def count_asked(self, question: str) -> int:
        """How often this has been asked since the chaos was set, this time included."""
        return self._asked.count(question)


def evenly(names: Collection[str], rate: float) -> dict[str, float]:
    """A mix in which ``rate`` goes wrong, in each of these ways alike."""
    return dict.fromkeys(map(str, names), rate / len(names)) if rate else {}


def _sum_of(mix: Mapping[str, float], names: Collection[str]) -> int:
    """In whole millionths, so that ten shares of 0.1 are 1 and not a little more."""
    return sum(int(share * MILLION + 0.5) for name, share in mix.items() if name in names)


def _fraction(seed: int, *asked: str) -> float:
    """At least 0, less than 1; evenly spread, and always the same for the same words."""
    digest = hashlib.sha256("\n".join([str(seed), *asked]).encode()).digest()
    return int.from_bytes(digest[:6], "big") / (1 << 48)
