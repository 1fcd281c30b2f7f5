"""What the database and the provider's own ledger say: the two witnesses that no battery's answer can talk over."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import httpx2
import psycopg2

from shared.domain.transaction_status import UNFINISHED
from tests.e2e.journey import System


@dataclass(frozen=True, slots=True)
class Taken:
    """What the provider has for one of our payments; sums in minor units."""

    payments: int = 0
    captured: int = 0
    refunded: int = 0


@dataclass
class Verdict:
    """``captured`` counts payments whose money was taken; the rest as in a row of the report."""

    captured: int = 0
    double: int = 0
    lost: int = 0
    stuck: int = 0
    problems: list[str] = field(default_factory=list)


class Books:
    def __init__(self, system: System) -> None:
        self._database = system.environment["DATABASE_OWNER_URL"]
        self._simulator = system.environment["SIMULATOR_URL"]

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """As the owner, in a transaction of its own."""
        with closing(psycopg2.connect(self._database)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def taken(self) -> dict[str, Taken]:
        """By our payment's id."""
        told = httpx2.get(f"{self._simulator}/_admin/ledger", trust_env=False, timeout=60).raise_for_status().json()
        found: dict[str, Taken] = defaultdict(Taken)
        for each in told["payments"]:
            known = found[each["merchant_reference"]]
            found[each["merchant_reference"]] = Taken(
                known.payments + 1,
                known.captured + each["captured_minor"],
                known.refunded + each["refunded_minor"],
            )
        return found

    def statuses(self, payment_ids: Sequence[str]) -> dict[str, str]:
        found = self.rows("SELECT id::text, status FROM transactions WHERE id = ANY(%s::uuid[])", list(payment_ids))
        return dict(found)

    def examine(self, payment_ids: Sequence[str], *, within_seconds: float = 120) -> Verdict:
        """Once all are finished: every accepted payment is there, completed, and was taken exactly once."""
        wait_until(lambda: not (set(self.statuses(payment_ids).values()) & UNFINISHED), within_seconds)
        statuses, taken, verdict = self.statuses(payment_ids), self.taken(), Verdict()
        for each in payment_ids:
            status, seen = statuses.get(each), taken.get(each, Taken())
            verdict.captured += seen.captured > 0
            verdict.double += seen.payments > 1
            verdict.lost += status is None or (status == "completed" and seen.captured == 0)
            verdict.stuck += status in UNFINISHED
            if status is not None and status not in UNFINISHED and status != "completed":
                verdict.problems.append(f"payment {each} was to be completed and is {status}")
        return verdict


def wait_until(happened: Callable[[], bool], within_seconds: float) -> bool:
    give_up_at = time.monotonic() + within_seconds
    while not happened():
        if time.monotonic() > give_up_at:
            return False
        time.sleep(0.2)
    return True
