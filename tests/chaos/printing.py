"""A row as one line, on a terminal and in Markdown."""

from collections.abc import Iterable, Iterator, Sequence

from tests.chaos.report import Row

COLUMNS = (
    *("N", "accepted", "captured", "double", "lost", "stuck", "parked", "webhooks"),
    *("longest s", "p50/p95/p99 ms", "5xx"),
)
HEADER = f"{'row':<60}" + "".join(f"{name:>{max(len(name) + 2, 7)}}" for name in COLUMNS) + "  note"
MOST_PROBLEMS = 12


def as_text(row: Row) -> str:
    cells = "".join(f"{cell:>{max(len(name) + 2, 7)}}" for name, cell in zip(COLUMNS, _cells(row), strict=True))
    return f"{row.name:<60}{cells}  {'' if row.passed else 'FAILED '}{row.note}".rstrip()


def as_problems(row: Row, *, smoke: bool) -> Iterator[str]:
    """What is broken, and how to see it again."""
    if row.passed:
        return
    for problem in row.problems[:MOST_PROBLEMS]:
        yield f"    {problem}"
    if len(row.problems) > MOST_PROBLEMS:
        yield f"    and {len(row.problems) - MOST_PROBLEMS} more"
    yield f"    again: ./payctl prove{' --smoke' if smoke else ''} --only '{row.name}' --seed {row.seed}"


def as_markdown(rows: Sequence[Row], summary: str, origin: str) -> str:
    """The table as a file; ``origin``: which tree and machine it was played on."""
    lines = [f"| {row.name} | {' | '.join(_cells(row))} | {_note(row)} |" for row in rows]
    head = [f"| row | {' | '.join(COLUMNS)} | note |", "|---" * (len(COLUMNS) + 2) + "|"]
    return "\n".join(["# What the proof showed", "", summary, "", origin, "", *head, *lines, ""])


def verdict(rows: Sequence[Row], seed: int, seconds: float) -> str:
    """The sums, and how sure they make us: none bad of N bounds the rate by 3/N, at 95 %."""
    passed = sum(row.passed for row in rows)
    crashes = sum(row.repetitions for row in rows if row.name.startswith("crash "))
    faults = sum(row.repetitions for row in rows) - crashes
    bad = sum(row.double + row.lost + row.stuck for row in rows)
    bound = f" (95 %: under {300 / crashes:.2f} % of crashes)" if crashes and not bad else ""
    return (
        f"{passed} of {len(rows)} rows passed; {crashes} crashes at {_points(rows)} points and {faults} other faults; "
        f"{bad} double, lost or stuck{bound}; seed {seed}, {seconds / 60:.1f} minutes"
    )


def _points(rows: Iterable[Row]) -> int:
    return len({row.name.rpartition(" ")[2] for row in rows if row.name.startswith("crash ")})


def _cells(row: Row) -> list[str]:
    milliseconds = "/".join(f"{each * 1000:.0f}" for each in (row.p50_seconds, row.p95_seconds, row.p99_seconds))
    counts = (row.repetitions, row.accepted, row.captured, row.double, row.lost, row.stuck, row.parked, row.webhooks)
    return [*map(str, counts), f"{row.longest_inconsistent_seconds:.1f}", milliseconds, str(row.server_errors)]


def _note(row: Row) -> str:
    return row.note if row.passed else f"**FAILED** {row.note} {'; '.join(row.problems[:3])}"
