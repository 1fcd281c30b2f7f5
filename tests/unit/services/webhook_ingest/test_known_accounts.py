"""What was read last is believed while the database is away, and for no longer than it may be."""

import pytest

from services.webhook_ingest.known_accounts import KnownAccounts, OpenProvider
from shared.persistence.errors import StorageUnavailable

CPAY = OpenProvider("cpay", [])


class Reading:
    def __init__(self) -> None:
        self.found, self.is_away, self.seconds = {"cpay": CPAY}, False, 0.0
        self.known = KnownAccounts(self._read, 60, lambda: self.seconds)

    def _read(self) -> dict[str, OpenProvider]:
        if self.is_away:
            raise StorageUnavailable("OperationalError")
        return dict(self.found)


def test_nothing_is_known_before_it_has_been_read() -> None:
    with pytest.raises(StorageUnavailable):
        Reading().known.find("cpay")


def test_what_is_not_there_is_not_found() -> None:
    reading = Reading()
    reading.known.refresh()

    assert (reading.known.find("cpay"), reading.known.find("other")) == (CPAY, None)


def test_what_was_switched_off_is_not_found_after_the_next_reading() -> None:
    reading = Reading()
    reading.known.refresh()
    reading.found.clear()

    reading.known.refresh()

    assert reading.known.find("cpay") is None


@pytest.mark.parametrize(("seconds", "is_known"), [(59, True), (61, False)])
def test_while_the_database_is_away_the_last_reading_counts_for_a_while(seconds: int, is_known: bool) -> None:
    reading = Reading()
    reading.known.refresh()
    reading.is_away = True
    reading.seconds += seconds

    with pytest.raises(StorageUnavailable):
        reading.known.refresh()

    if is_known:
        assert reading.known.find("cpay") is CPAY
    else:
        with pytest.raises(StorageUnavailable):
            reading.known.find("cpay")
