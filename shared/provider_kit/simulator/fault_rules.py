"""Rules that are armed by hand: what is to go wrong with the next requests, and how often."""

import sqlite3
from collections.abc import Collection, Container
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from shared.provider_kit.simulator.ledger_file import LedgerFile

SCHEMA = """
CREATE TABLE IF NOT EXISTS armed_rules (
    id INTEGER PRIMARY KEY, target TEXT NOT NULL, rule TEXT NOT NULL, remaining INTEGER NOT NULL,
    UNIQUE (target, rule)
);
"""

Times = Annotated[StrictInt, Field(ge=0, le=1_000_000)]


class FaultAsked(BaseModel):
    """The body of ``POST faults``: the next ``times`` requests with ``method`` are answered by ``rule``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: str
    times: Times = 1
    method: Annotated[str, Field(pattern="^(GET|POST)$")] = "POST"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmedRule:
    """``target`` is what it is armed for, such as a method or one of a provider's products."""

    target: str
    rule: str
    remaining: int


class FaultRules:
    """The rules that are armed; each is spent use by use, the oldest first."""

    def __init__(self, ledger: LedgerFile) -> None:
        self._ledger = ledger

    def arm(self, rule: ArmedRule) -> None:
        """Spoil the next ``remaining``, in place of what was armed under the same name; 0 disarms."""
        with self._ledger.transaction() as connection:
            connection.execute("DELETE FROM armed_rules WHERE target = ? AND rule = ?", (rule.target, rule.rule))
            if rule.remaining:
                connection.execute(
                    "INSERT INTO armed_rules (target, rule, remaining) VALUES (?, ?, ?)",
                    (rule.target, rule.rule, rule.remaining),
                )

    def armed(self) -> list[ArmedRule]:
        """What is armed still, the oldest first."""
        with self._ledger.reading() as connection:
            return _armed(connection)

    def spend(self, targets: Collection[str], among: Container[str]) -> str | None:
        """The name of the oldest rule ``among`` these that is armed for one of ``targets``; one use of it is spent."""
        if not self.armed():  # so that nobody waits for a transaction while nothing is armed
            return None
        with self._ledger.transaction() as connection:
            for each in _armed(connection):
                if each.target in targets and each.rule in among:
                    _spend(connection, each)
                    return each.rule
        return None


def _armed(connection: sqlite3.Connection) -> list[ArmedRule]:
    query = "SELECT target, rule, remaining FROM armed_rules WHERE remaining > 0 ORDER BY id"
    return [ArmedRule(**row) for row in map(dict, connection.execute(query))]


def _spend(connection: sqlite3.Connection, rule: ArmedRule) -> None:
    query = "UPDATE armed_rules SET remaining = remaining - 1 WHERE target = ? AND rule = ?"
    connection.execute(query, (rule.target, rule.rule))
