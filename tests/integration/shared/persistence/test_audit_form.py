"""What is signed before a row is written is what PostgreSQL gives back, byte for byte."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from shared.persistence.audit_entry import AuditEntry
from shared.persistence.audit_form import SIGNED_COLUMNS, StoredAuditRow, content_of
from shared.persistence.audit_seals import row_of, select_rows
from shared.persistence.tables import audit_logs
from shared.persistence.unit_of_work import unit_of_work_factory
from shared.runtime.identifiers import new_id
from tests.integration.conftest import Database
from tests.integration.makers import AUDIT_KEYS, NOW

ODD: dict[str, object] = {
    "empty": {},
    "empty inside": {"a": {}, "b": [], "c": ""},
    "nothing": {"a": None, "b": [None], "c": {"d": None}},
    "nested": {"a": [{"b": [[1, [2, {"c": [True, False]}]]]}]},
    "order of keys": {"b": 1, "a": 2, "aa": 3, "B": 4, "é": 5, "": 6, "z" * 300: 7},
    "unicode": {
        "ключ": "значение",
        "emoji": "🏦💸",
        "zwj": "\U0001f468\u200d\U0001f467",
        "rtl": "\u202eabc",
        "nfd": "é",
        "line": "\u2028",
    },
    "control": {"a": "\x01\x1f\x7f\t\n\r\b\f", "quote": '"\\/', "nul": "a\x00b", "escaped": "a\\u0000b"},
    "half a pair": {"a": "x\ud800y"},
    "whole numbers": {"a": 0, "b": -1, "c": 2**53 + 1, "d": 2**64, "e": 10**300, "f": -(10**40)},
    "numbers": {"a": 0.1, "b": 1.0, "c": -0.0, "d": 1e16, "e": 1e22, "f": 1e23, "g": 1.5e300, "h": 1e-7, "i": 5e-324},
    "keys that are no text": {3: "a", True: "b", None: "c", 2.5: "d"},
    "one key twice": {1: "a", "1": "b"},
}


def _round_trip(database: Database, entry: AuditEntry) -> StoredAuditRow:
    with unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)() as work:
        work.audit_log.append(entry)
        work.commit()
    with database.application.connect() as connection:
        statement = select_rows().where(audit_logs.c.id == entry.id)
        return row_of(connection.execute(statement).one())


def _entry(**changes: object) -> AuditEntry:
    return replace(AuditEntry(id=new_id(), event_type="test", timestamp=NOW), **changes)  # type: ignore[arg-type] # tests name the fields


@pytest.mark.parametrize("event_data", ODD.values(), ids=ODD)
def test_odd_json_comes_back_as_it_was_signed(database: Database, event_data: dict[str, object]) -> None:
    entry = _entry(event_data=event_data)

    row = _round_trip(database, entry)

    assert row.content == content_of(entry)
    assert row.is_genuine(AUDIT_KEYS)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(event_data=st.dictionaries(st.text(), _JSON, max_size=5))
def test_any_json_comes_back_as_it_was_signed(database: Database, event_data: dict[str, object]) -> None:
    entry = _entry(event_data=event_data)

    assert _round_trip(database, entry).content == content_of(entry)


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 1, 15, 10, 0, 0, 1, tzinfo=UTC),
        datetime(2026, 1, 15, 10, 0, 0, 999_999, tzinfo=UTC),
        datetime(2026, 1, 15, 10, 0, 0, 120_000, tzinfo=timezone(timedelta(hours=3))),
        datetime(1, 1, 2, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ],
)
def test_a_time_comes_back_to_the_microsecond(database: Database, moment: datetime) -> None:
    entry = _entry(timestamp=moment)

    row = _round_trip(database, entry)

    assert row.content == content_of(entry)


def test_every_column_comes_back_as_it_was_signed(database: Database) -> None:
    entry = _entry(
        merchant_id=UUID(int=2**128 - 1),
        user_id='ключ \t\n"\\ 🏦',
        ip_address="2001:db8::1",
        user_agent="",
        request_id="x" * 1000,
    )

    row = _round_trip(database, entry)

    assert row.content == content_of(entry)
    assert row.is_genuine(AUDIT_KEYS)


def test_every_column_is_signed_but_the_mac_and_the_transaction() -> None:
    assert {column.name for column in audit_logs.c} == {*SIGNED_COLUMNS, "mac", "written_by"}


def test_the_session_of_the_reader_makes_no_difference(database: Database) -> None:
    entry = _entry(timestamp=datetime(2026, 7, 1, 12, 0, 0, 250_000, tzinfo=UTC))
    _round_trip(database, entry)

    with database.application.connect() as connection:
        connection.execute(text("SET timezone = 'Asia/Kolkata'"))
        row = row_of(connection.execute(select_rows().where(audit_logs.c.id == entry.id)).one())

    assert row.content == content_of(entry)
