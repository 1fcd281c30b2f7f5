"""The rows: every crash point is played, names are unique, what fails says how to see it again."""

import re
from dataclasses import replace

import pytest

from shared.runtime.crash_points import POINTS
from tests.chaos import outage_rows
from tests.chaos.crash_rows import MIXES, ROUNDS, STOCKS, crash_rows
from tests.chaos.printing import COLUMNS, as_markdown, as_problems, as_text, verdict
from tests.chaos.provenance import provenance
from tests.chaos.report import Row
from tests.chaos.rows import FAULTS, FULL, SMOKE, Size, names

PASSED = Row(name="crash payment api api.after_commit", seed=7, repetitions=36, accepted=400, captured=390)
FAILED = replace(PASSED, double=1, problems=("taken_at_most_once: p-1: the provider acted 2 times",))


def test_every_crash_point_is_played_for_payments_refunds_and_captures_or_in_an_outage() -> None:
    in_an_outage = {row.point for row in outage_rows.ROWS}

    assert set(FULL.operations) == {"payment", "refund", "capture"}
    for operation in FULL.operations:
        assert {row.point for together in crash_rows(operation) for row in together} == set(POINTS) - in_an_outage


def test_every_operation_has_a_mix_and_every_stock_an_operation() -> None:
    assert set(FULL.operations) | set(SMOKE.operations) <= set(MIXES)
    assert set(STOCKS) <= set(MIXES)


@pytest.mark.parametrize("size", [SMOKE, FULL], ids=lambda size: size.name)
def test_every_point_is_died_at_more_than_once(size: Size) -> None:
    rows = [row for operation in size.operations for together in crash_rows(operation) for row in together]

    assert all(1 < row.wanted(size.crashes) <= size.crashes for row in rows)


def test_a_process_dies_at_one_point_a_round() -> None:
    assert all(len(set(armed)) == len(armed) for armed in ROUNDS)


@pytest.mark.parametrize("size", [SMOKE, FULL], ids=lambda size: size.name)
def test_each_row_has_a_name_of_its_own(size: Size) -> None:
    assert len(names(size)) == len(set(names(size)))


def test_a_full_run_crashes_a_thousand_times_and_plays_every_fault() -> None:
    rows = [row for operation in FULL.operations for together in crash_rows(operation) for row in together]

    assert sum(row.wanted(FULL.crashes) for row in rows) >= 1000
    assert all(fault.full for fault in FAULTS)


def test_a_smoke_run_plays_seventeen_points_for_two_operations_both_of_an_outage_and_ten_faults() -> None:
    crashes = [name for name in names(SMOKE) if name.startswith("crash ")]

    assert SMOKE.crashes >= 5
    for operation in ("payment", "refund"):
        assert len({name.split()[-1] for name in crashes if name.split()[1] == operation}) >= 17
    assert {row.name for row in outage_rows.ROWS} <= set(crashes)
    assert len(names(SMOKE)) - len(crashes) >= 10


def test_a_row_is_one_line_with_every_column() -> None:
    line = as_text(PASSED)

    assert line.split()[:6] == ["crash", "payment", "api", "api.after_commit", "36", "400"]
    assert "FAILED" not in line
    assert len(line.split()) == 4 + len(COLUMNS)


def test_a_row_that_fails_tells_what_is_broken_and_how_to_repeat_it() -> None:
    lines = list(as_problems(FAILED, smoke=True))

    assert "FAILED" in as_text(FAILED)
    assert "acted 2 times" in lines[0]
    assert lines[-1].strip() == ("again: ./payctl prove --smoke --only 'crash payment api api.after_commit' --seed 7")


def test_the_verdict_gives_the_bound_only_where_nothing_is_bad() -> None:
    assert "under 8.33 % of crashes" in verdict([PASSED], 7, 60)
    assert "1 of 2 rows passed" in verdict([PASSED, FAILED], 7, 60)
    assert "%" not in verdict([PASSED, FAILED], 7, 60)


def test_the_written_table_has_every_row() -> None:
    table = as_markdown([PASSED, FAILED], "summary", "Commit abc")

    assert table.count("| crash payment api api.after_commit |") == 2
    assert "Commit abc" in table
    assert "**FAILED**" in table


def test_a_written_table_names_its_commit() -> None:
    assert re.match(
        r"Commit ([0-9a-f]{12}( with changes)?|unknown \(no git here\)), \d{4}-\d\d-\d\d, \d+ proc", provenance()
    )
