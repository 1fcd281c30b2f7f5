"""With the database away a verified callback is kept on the disk, and stored once when the database is back."""

from datetime import timedelta
from pathlib import Path

import pytest

from services.webhook_ingest.keeping import CallbackKeeper
from services.webhook_ingest.reprieve import Reprieve
from shared.contracts.messages.codec import decode
from shared.contracts.messages.events import ProviderEventReceived
from shared.persistence.errors import StorageUnavailable
from shared.persistence.webhook_events import UNDER_WAY, Arrival
from shared.runtime.crypto import CredentialCipher
from shared.runtime.spool import Spool
from shared.runtime.spool_files import SET_ASIDE
from tests.fakes.books import Books
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.ingest import GENUINE, KEY, Ingest, a_keeper
from tests.fakes.makers import a_callback

LATER = NOON + UNDER_WAY


@pytest.fixture
def ingest(tmp_path: Path) -> Ingest:
    return Ingest(tmp_path)


def _comes_back(ingest: Ingest) -> None:
    ingest.books.database.is_away = False
    ingest.keeper.drain()


def test_with_the_database_away_a_callback_is_acknowledged_and_stored_when_it_is_back(ingest: Ingest) -> None:
    ingest.books.database.is_away = True

    assert [ingest.verdict(body) for body in (b"evt-1", b"evt-2", b"evt-3")] == ["spooled"] * 3
    assert (ingest.stored, ingest.books.handed_over) == (0, [])
    _comes_back(ingest)

    assert [event.provider_event_id for event in ingest.events] == ["evt-1", "evt-2", "evt-3"]
    assert [event.created_at for event in ingest.events] == [NOON] * 3
    messages = [decode(message.body) for message in ingest.books.handed_over]
    assert [each.webhook_event_id for each in messages if isinstance(each, ProviderEventReceived)] == [
        event.id for event in ingest.events
    ]
    assert ingest.files == []


def test_what_is_spooled_is_what_would_have_been_stored(ingest: Ingest) -> None:
    ingest.post(headers=GENUINE | {"User-Agent": "cpay/1"})
    (direct,) = ingest.events
    ingest.books.database.is_away = True
    ingest.post(b"evt-2", headers=GENUINE | {"User-Agent": "cpay/1"})
    _comes_back(ingest)

    spooled = ingest.events[1]

    same = ("provider", "provider_config_id", "event_type", "signature", "ip_address", "user_agent", "created_at")
    assert {name: getattr(spooled, name) for name in same} == {name: getattr(direct, name) for name in same}


@pytest.mark.parametrize(
    "payload",
    [
        {"text": "half a pair \ud800, a NUL \u0000, a line\nbreak"},
        {"number": 10**30, "small": 0.1, "deep": [{"a": None, "b": [True, ""]}]},
    ],
)
def test_every_payload_that_json_has_survives_the_disk(tmp_path: Path, payload: dict[str, object]) -> None:
    books = Books()
    keeper = a_keeper(books.unit_of_work, Spool(tmp_path, 10_000, FakeClock()))
    seen = a_callback(payload=payload)
    keeper.keep(seen)
    direct = books.database.committed.webhook_events[seen.id].payload
    books.database.is_away = True
    again = a_callback(payload=payload)
    keeper.keep(again)
    books.database.is_away = False

    keeper.drain()

    assert books.database.committed.webhook_events[again.id].payload == direct


def test_what_is_on_the_disk_can_neither_be_read_nor_made_up_without_the_key(ingest: Ingest) -> None:
    ingest.books.database.is_away = True
    ingest.post(b"evt-canary")

    assert b"canary" not in ingest.files[0].read_bytes()


def test_what_no_key_here_has_written_is_set_aside_and_never_believed(ingest: Ingest) -> None:
    another = CredentialCipher(("6MX1ErqSLBt6I0iRFSYPGkKBPqYI8rM0fF6Sj5O7Y0Q=",))
    stranger = CallbackKeeper(ingest.books.unit_of_work, ingest.spool, another, Reprieve(1.0))
    ingest.books.database.is_away = True
    stranger.keep(a_callback())
    ingest.post(b"evt-1")

    _comes_back(ingest)

    assert [event.provider_event_id for event in ingest.events] == ["evt-1"]
    assert [path.suffix for path in (ingest.folder / SET_ASIDE).iterdir()] == [".no-key"]


def test_an_encrypted_text_that_is_no_callback_is_set_aside(ingest: Ingest) -> None:
    ingest.spool.append(CredentialCipher((KEY,)).encrypt('{"provider": "cpay"}').encode())

    ingest.keeper.drain()

    assert [path.suffix for path in (ingest.folder / SET_ASIDE).iterdir()] == [".not-a-callback"]


def test_what_the_database_will_never_have_keeps_nothing_else_back(ingest: Ingest) -> None:
    ingest.books.database.is_away = True
    for event in (a_callback(), a_callback(event_type="with a \x00"), a_callback()):
        ingest.keeper.keep(event)

    _comes_back(ingest)

    assert len(ingest.events) == 2
    assert [path.suffix for path in (ingest.folder / SET_ASIDE).iterdir()] == [".ValueError"]


def test_a_callback_on_the_disk_that_is_stored_already_acts_once(ingest: Ingest) -> None:
    for applied in (True, False):
        ingest.books.database.break_next_commit(applied=applied)
        assert ingest.verdict(f"evt-{applied}".encode()) == "spooled"
        ingest.seconds += 2

    ingest.keeper.drain()

    assert [event.repeats for event in ingest.events] == [0, 0]
    assert len(ingest.books.database.committed.outbox) == 2


def test_a_drain_that_dies_before_the_file_is_gone_is_repeated_without_effect(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest.books.database.is_away = True
    ingest.post()
    monkeypatch.setattr(Path, "unlink", lambda _path: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        _comes_back(ingest)
    monkeypatch.undo()

    ingest.keeper.drain()

    assert [event.repeats for event in ingest.events] == [0]
    assert len(ingest.books.handed_over) == 1


def test_a_repetition_on_the_disk_counts_and_acts_no_second_time(ingest: Ingest) -> None:
    ingest.post()
    ingest.books.database.is_away = True
    ingest.post()

    _comes_back(ingest)

    assert [event.repeats for event in ingest.events] == [1]
    assert len(ingest.books.handed_over) == 1


def test_while_the_database_is_away_one_callback_a_second_waits_for_it(ingest: Ingest) -> None:
    ingest.books.database.is_away = True
    ingest.post(b"evt-1")
    ingest.books.database.is_away = False

    verdicts = [ingest.verdict(b"evt-2")]
    ingest.seconds += 1
    verdicts += [ingest.verdict(b"evt-3"), ingest.verdict(b"evt-4")]

    assert verdicts == ["spooled", "stored", "stored"]


def test_a_repetition_of_what_nobody_has_handled_rings_again() -> None:
    books = Books()
    keeper = a_keeper(books.unit_of_work, Spool(Path("/nowhere"), 0, FakeClock()))
    first = a_callback()
    keeper.keep(first)

    again = keeper.keep(a_callback(LATER, provider_event_id=first.provider_event_id))

    assert again is Arrival.UNHANDLED
    rung = decode(books.handed_over[-1].body)
    assert isinstance(rung, ProviderEventReceived)
    assert (rung.webhook_event_id, rung.causation_id) == (first.id, first.id)
    assert len(books.handed_over) == 2


def test_a_repetition_of_what_has_been_handled_does_not_ring() -> None:
    books = Books()
    keeper = a_keeper(books.unit_of_work, Spool(Path("/nowhere"), 0, FakeClock()))
    first = a_callback()
    keeper.keep(first)
    books.do(lambda work: work.webhook_events.mark_processed(first.id, now=NOON, result="applied", transaction_id=None))

    assert keeper.keep(a_callback(LATER, provider_event_id=first.provider_event_id)) is Arrival.REPEATED
    assert len(books.handed_over) == 1


def test_copies_that_come_at_once_ring_once() -> None:
    books = Books()
    keeper = a_keeper(books.unit_of_work, Spool(Path("/nowhere"), 0, FakeClock()))
    first = a_callback()

    for seconds in (0, 1, 2, 5, 6, 7, 10):
        keeper.keep(a_callback(NOON + timedelta(seconds=seconds), provider_event_id=first.provider_event_id))

    assert len(books.handed_over) == 3


def test_with_neither_database_nor_disk_nothing_is_acknowledged(tmp_path: Path) -> None:
    books = Books()
    books.database.is_away = True

    with pytest.raises(StorageUnavailable):
        a_keeper(books.unit_of_work, Spool(tmp_path, 10, FakeClock())).keep(a_callback())
