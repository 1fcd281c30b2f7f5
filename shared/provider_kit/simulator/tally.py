"""How often something has happened, kept in a simulator's ledger."""

import sqlite3

from shared.provider_kit.simulator.ledger_file import LedgerFile

SCHEMA = """
CREATE TABLE IF NOT EXISTS tallies (
    tally TEXT NOT NULL, subject TEXT NOT NULL, times INTEGER NOT NULL, PRIMARY KEY (tally, subject)
);
"""


class Tally:
    """Counts each subject for itself; tallies of other names, in the same ledger, are others."""

    def __init__(self, ledger: LedgerFile, name: str) -> None:
        self._ledger = ledger
        self._name = name

    def count(self, subject: str) -> int:
        """How often by now, this time included."""
        query = """INSERT INTO tallies (tally, subject, times) VALUES (?, ?, 1)
                   ON CONFLICT (tally, subject) DO UPDATE SET times = times + 1 RETURNING times"""
        with self._ledger.transaction() as connection:
            return int(connection.execute(query, (self._name, subject)).fetchone()["times"])

    def forget(self, connection: sqlite3.Connection) -> None:
        """Begin anew, in the caller's transaction."""
        connection.execute("DELETE FROM tallies WHERE tally = ?", (self._name,))
