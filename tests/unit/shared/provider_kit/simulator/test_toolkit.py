"""The parts that simulators are made of."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.provider_kit.simulator import LedgerFile, Router, new_ulid, nobodys

NOW = datetime(2026, 1, 15, 10, 0, 0, tzinfo=UTC)
SCHEMA = "CREATE TABLE IF NOT EXISTS facts (id INTEGER PRIMARY KEY AUTOINCREMENT, fact TEXT);"


def facts(ledger: LedgerFile) -> list[str]:
    with ledger.reading() as connection:
        return [row["fact"] for row in connection.execute("SELECT fact FROM facts ORDER BY id")]


def test_a_route_is_found_by_method_and_path_with_its_placeholders() -> None:
    router = Router({"GET /v1/payments": "list", "POST /v1/payments/{id}/cancel": "cancel"})

    assert router.find("GET", "/v1/payments") == ("list", {})
    assert router.find("POST", "/v1/payments/cpay_1/cancel") == ("cancel", {"id": "cpay_1"})


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/payments"), ("GET", "/v1/payments/"), ("POST", "/v1/payments/a/b/cancel"), ("GET", "/v1/paymentsX")],
)
def test_what_is_not_in_the_table_is_not_found(method: str, path: str) -> None:
    router = Router({"GET /v1/payments": "list", "POST /v1/payments/{id}/cancel": "cancel"})

    assert router.find(method, path) is None


def test_a_ulid_has_26_characters_no_dot_and_sorts_by_time() -> None:
    earlier, later = new_ulid(NOW), new_ulid(NOW + timedelta(milliseconds=1))

    assert len(earlier) == 26
    assert "." not in earlier
    assert earlier < later


def test_a_thousand_ulids_of_one_moment_differ() -> None:
    assert len({new_ulid(NOW) for _ in range(1000)}) == 1000


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    ledger = LedgerFile(tmp_path / "ledger.sqlite", SCHEMA)

    def fail() -> None:
        with ledger.transaction() as connection:
            connection.execute("INSERT INTO facts (fact) VALUES ('half')")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert facts(ledger) == []
    ledger.close()


def test_what_was_committed_is_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    first = LedgerFile(tmp_path / "folder" / "ledger.sqlite", SCHEMA)
    with first.transaction() as connection:
        connection.execute("INSERT INTO facts (fact) VALUES ('whole')")
    first.close()

    second = LedgerFile(tmp_path / "folder" / "ledger.sqlite", SCHEMA)

    assert facts(second) == ["whole"]
    second.close()


def test_forgetting_empties_every_table_and_uses_no_number_again(tmp_path: Path) -> None:
    ledger = LedgerFile(tmp_path / "ledger.sqlite", SCHEMA)
    with ledger.transaction() as connection:
        connection.execute("INSERT INTO facts (fact) VALUES ('old')")

    ledger.forget_everything()

    assert facts(ledger) == []
    with ledger.transaction() as connection:
        assert connection.execute("INSERT INTO facts (fact) VALUES ('new')").lastrowid == 2
    ledger.close()


def test_every_commit_is_on_disk_before_it_is_over(tmp_path: Path) -> None:
    ledger = LedgerFile(tmp_path / "ledger.sqlite", SCHEMA)

    with ledger.reading() as connection:
        synchronous = connection.execute("PRAGMA synchronous").fetchone()[0]
    ledger.close()

    assert synchronous == 2  # FULL


def test_a_name_of_nobody_is_always_the_same_for_the_same_one_and_says_nothing_of_it() -> None:
    assert nobodys("pay_1") == nobodys("pay_1")
    assert nobodys("pay_1") != nobodys("pay_2")
    assert "pay_1" not in nobodys("pay_1")
