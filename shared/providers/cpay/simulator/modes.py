"""What CPay has been told to be like, until it is told otherwise: forgetful, with slow books."""

import sqlite3
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

SCHEMA = """
CREATE TABLE IF NOT EXISTS modes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

MOST_LAG_MS = 5_000


class Mode(BaseModel):
    """As CPay promises to be, unless told otherwise.

    Without ``honours_idempotency`` a repeated POST is executed again; without ``unique_references`` that may be a
    second payment with the same ``merchant_reference``. A GET does not see what is younger than ``query_lag_ms``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    honours_idempotency: StrictBool = True
    unique_references: StrictBool = True
    query_lag_ms: Annotated[StrictInt, Field(ge=0, le=MOST_LAG_MS)] = 0


def mode(connection: sqlite3.Connection) -> Mode:
    row = connection.execute("SELECT value FROM modes WHERE name = 'mode'").fetchone()
    return Mode() if row is None else Mode.model_validate_json(row["value"])


def set_mode(connection: sqlite3.Connection, wanted: Mode) -> None:
    connection.execute("INSERT OR REPLACE INTO modes (name, value) VALUES ('mode', ?)", (wanted.model_dump_json(),))
