"""Every row of the proof by name, in the order they are played, and how much of each is played."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.chaos import (
    battery_rows,
    crash_rows,
    fault_messages,
    fault_network,
    fault_provider,
    fault_secrets,
    fault_servers,
    outage_rows,
)
from tests.chaos import faults as faults_module
from tests.chaos.faults import Fault
from tests.chaos.report import Row
from tests.chaos.stage import Stage

# Secrets come first: it must be told apart whether a callback was refused for its signature, and others forge some.
FAULTS: tuple[Fault, ...] = (
    *fault_secrets.FAULTS,
    *fault_servers.FAULTS,
    *fault_provider.FAULTS,
    *fault_messages.FAULTS,
    *fault_network.FAULTS,
)


@dataclass(frozen=True, slots=True)
class Size:
    """``crashes`` at each point of so many ``rounds``, for each of the ``operations``; ``name``: the command's word.

    ``outages``: how often the database goes away so that ingest dies meanwhile.
    """

    name: str
    crashes: int
    operations: tuple[str, ...]
    rounds: int
    outages: int

    def of(self, fault: Fault) -> int:
        return fault.smoke if self.name == "smoke" else fault.full


# Captures and the publisher's own points would take a smoke run some minutes more.
SMOKE = Size("smoke", 5, ("payment", "refund"), rounds=5, outages=1)
FULL = Size("full", 17, tuple(crash_rows.MIXES), rounds=len(crash_rows.ROUNDS), outages=17)


def names(size: Size) -> list[str]:
    """Every row of that size."""
    return [*_stage_names(size), *(each.name for each in batteries(size, None))]


def played_on_stage(size: Size, only: str | None) -> bool:
    """Whether any crash or fault is wanted."""
    return any(_wanted(name, only) for name in _stage_names(FULL if only else size))


def batteries(size: Size, only: str | None) -> list[battery_rows.Battery]:
    """Those of that size, and wanted."""
    return [each for each in battery_rows.BATTERIES if _wanted(each.name, only) and (size is FULL or only)]


def play(stage: Stage, size: Size, only: str | None) -> Iterator[Row]:
    """Play the crashes and faults whose names contain ``only``, or all."""
    played = FULL if only else size
    for operation in played.operations:
        rounds = [[row for row in together if _wanted(row.name, only)] for together in _rounds(played, operation)]
        yield from crash_rows.play(stage, operation, [each for each in rounds if each], size.crashes)
    if outages := [row for row in outage_rows.ROWS if _wanted(row.name, only)]:
        yield from outage_rows.play(stage, outages, size.outages)
    for fault in FAULTS:
        times = size.of(fault) or (fault.full if only else 0)
        if times and _wanted(fault.name, only):
            yield faults_module.play(stage, fault, times)


def _stage_names(size: Size) -> list[str]:
    crashes = [row.name for operation in size.operations for together in _rounds(size, operation) for row in together]
    outages = [row.name for row in outage_rows.ROWS]
    return [*crashes, *outages, *(fault.name for fault in FAULTS if size.of(fault))]


def _rounds(size: Size, operation: str) -> list[list[crash_rows.CrashRow]]:
    return crash_rows.crash_rows(operation)[: size.rounds]


def _wanted(name: str, only: str | None) -> bool:
    return only is None or only in name
