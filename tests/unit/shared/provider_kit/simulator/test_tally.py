"""How often something has happened."""

from pathlib import Path

from shared.provider_kit.simulator import KIT_SCHEMA, LedgerFile
from shared.provider_kit.simulator.tally import Tally


def test_each_subject_of_each_tally_is_counted_for_itself(tmp_path: Path) -> None:
    ledger = LedgerFile(tmp_path / "ledger.sqlite", KIT_SCHEMA)
    asked, spoilt = Tally(ledger, "asked"), Tally(ledger, "spoilt")

    counted = [
        asked.count("a"),
        asked.count("a"),
        asked.count("b"),
        spoilt.count("a"),
        Tally(ledger, "asked").count("a"),
    ]

    assert counted == [1, 2, 1, 1, 3]
    ledger.close()


def test_a_tally_that_is_forgotten_leaves_the_others(tmp_path: Path) -> None:
    ledger = LedgerFile(tmp_path / "ledger.sqlite", KIT_SCHEMA)
    asked, spoilt = Tally(ledger, "asked"), Tally(ledger, "spoilt")
    asked.count("a")
    spoilt.count("a")

    with ledger.transaction() as connection:
        asked.forget(connection)

    assert (asked.count("a"), spoilt.count("a")) == (1, 2)
    ledger.close()
