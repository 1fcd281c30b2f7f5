"""What CPay has been told to be like, until it is told otherwise: chaos by a seed, forgetfulness, slow books."""

import sqlite3
from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, field_validator

from shared.providers.cpay.simulator.chaos import ANSWERINGS, TELLINGS

SCHEMA = """
CREATE TABLE IF NOT EXISTS modes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS asked_times (question TEXT PRIMARY KEY, times INTEGER NOT NULL);
"""

MOST_LAG_MS = 5_000

Share = Annotated[float, Field(ge=0, le=1)]


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


class Mode(BaseModel):
    """As CPay promises to be, unless told otherwise.

    Without ``honours_idempotency`` a repeated POST is executed again; without ``unique_references`` that may be a
    second payment with the same ``merchant_reference``. A GET does not see what is younger than ``query_lag_ms``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    honours_idempotency: StrictBool = True
    unique_references: StrictBool = True
    query_lag_ms: Annotated[StrictInt, Field(ge=0, le=MOST_LAG_MS)] = 0


def sum_of(mix: Mapping[str, float], names: Mapping[str, object]) -> float:
    """In whole millionths, so that ten shares of 0.1 are 1 and not a little more."""
    return sum(int(share * 1_000_000 + 0.5) for name, share in mix.items() if name in names) / 1_000_000


def chaos(connection: sqlite3.Connection) -> Chaos:
    value = _value(connection, "chaos")
    return Chaos() if value is None else Chaos.model_validate_json(value)


def mode(connection: sqlite3.Connection) -> Mode:
    value = _value(connection, "mode")
    return Mode() if value is None else Mode.model_validate_json(value)


def set_chaos(connection: sqlite3.Connection, wanted: Chaos) -> None:
    """What has been asked is counted from here, so that the same seed repeats the same faults."""
    connection.execute("DELETE FROM asked_times")
    _set(connection, "chaos", wanted)


def set_mode(connection: sqlite3.Connection, wanted: Mode) -> None:
    _set(connection, "mode", wanted)


def count_asked(connection: sqlite3.Connection, question: str) -> int:
    """How often this has been asked since the chaos was set, this time included."""
    query = """INSERT INTO asked_times (question, times) VALUES (?, 1)
               ON CONFLICT (question) DO UPDATE SET times = times + 1 RETURNING times"""
    return int(connection.execute(query, (question,)).fetchone()["times"])


def _value(connection: sqlite3.Connection, name: str) -> str | None:
    row = connection.execute("SELECT value FROM modes WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row["value"])


def _set(connection: sqlite3.Connection, name: str, wanted: BaseModel) -> None:
    connection.execute("INSERT OR REPLACE INTO modes (name, value) VALUES (?, ?)", (name, wanted.model_dump_json()))
