"""What the spool has taken is found again, whatever happens to its writer; what is damaged keeps nothing else back."""

import errno
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from shared.runtime import spool as spool_module
from shared.runtime.spool import BATCH, Spool, SpoolUnavailable
from shared.runtime.spool_files import SET_ASIDE, state_of, write_through
from tests.fakes.clock import NOON, FakeClock

LARGE = 10_000_000


class Taker:
    """Takes everything, until it is told otherwise."""

    def __init__(self, *, refuses: Sequence[bytes] = (), fails_after: int | None = None) -> None:
        self.taken: list[bytes] = []
        self._refuses, self._fails_after = refuses, fails_after

    def __call__(self, records: Sequence[bytes]) -> Sequence[tuple[bytes, str]]:
        if self._fails_after is not None and len(self.taken) >= self._fails_after:
            raise LookupError
        self.taken += [each for each in records if each not in self._refuses]
        return [(each, "refused") for each in records if each in self._refuses]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def spool(folder: Path) -> Spool:
    return Spool(folder, LARGE, FakeClock())


def _drained(spool: Spool) -> list[bytes]:
    taker = Taker()
    spool.drain(taker)
    return taker.taken


def _only_file(folder: Path) -> Path:
    (path,) = folder.glob("*.spool")
    return path


def _set_aside(folder: Path) -> dict[str, bytes]:
    return {path.suffix: path.read_bytes() for path in (folder / SET_ASIDE).glob("*")}


def test_records_come_back_in_their_order_and_are_then_gone(spool: Spool, folder: Path) -> None:
    records = [b"%d" % number for number in range(2 * BATCH + 1)]
    for record in records:
        spool.append(record)

    assert _drained(spool) == records
    assert _drained(spool) == []
    assert list(folder.iterdir()) == []


def test_only_its_owner_reads_what_is_written(spool: Spool, folder: Path) -> None:
    spool.append(b"one")

    assert stat.S_IMODE(_only_file(folder).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_record_is_on_the_disk_before_it_is_taken_for_good(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)

    spool.append(b"one")
    before = len(synced)
    spool.append(b"two")

    assert before == 2  # its name in the folder, and its content
    assert len(synced) == 3


def test_what_is_not_taken_stays(spool: Spool) -> None:
    for number in range(BATCH + 1):
        spool.append(b"%d" % number)

    with pytest.raises(LookupError):
        spool.drain(Taker(fails_after=1))

    assert len(_drained(spool)) == BATCH + 1


def test_while_nobody_takes_records_tries_make_no_files(spool: Spool, folder: Path) -> None:
    for number in range(10):
        spool.append(b"%d" % number)
        with pytest.raises(LookupError):
            spool.drain(Taker(fails_after=0))

    assert len(list(folder.glob("*.spool"))) == 2
    assert _drained(spool) == [b"%d" % number for number in range(10)]


@pytest.mark.parametrize("torn", [b"8e", b"8ed2f3a6 half a rec", b"8ed2f3a6 "])
def test_a_record_that_its_writer_died_in_is_left_out_and_those_before_it_are_not(
    spool: Spool, folder: Path, torn: bytes
) -> None:
    spool.append(b"one")
    spool.append(b"two")
    spool.release()
    with _only_file(folder).open("ab") as file:
        file.write(torn)

    assert _drained(spool) == [b"one", b"two"]
    assert _set_aside(folder) == {}


@pytest.mark.parametrize("damage", [b"twX", b"t", b"two and more", b"\xff\x00\xff"])
def test_a_damaged_record_is_set_aside_and_keeps_nothing_else_back(spool: Spool, folder: Path, damage: bytes) -> None:
    for record in (b"one", b"two", b"three"):
        spool.append(record)
    spool.release()
    path = _only_file(folder)
    path.write_bytes(path.read_bytes().replace(b"two\n", damage + b"\n"))

    assert _drained(spool) == [b"one", b"three"]
    assert _set_aside(folder)[".damaged"].endswith(damage + b"\n")
    assert state_of(folder).set_aside == 1


def test_a_record_that_can_never_be_taken_is_set_aside_whole(spool: Spool, folder: Path) -> None:
    for record in (b"one", b"two", b"three"):
        spool.append(record)
    taker = Taker(refuses=[b"two"])

    assert spool.drain(taker) == 2
    assert taker.taken == [b"one", b"three"]
    assert b"two" in _set_aside(folder)[".refused"]


def test_a_full_spool_says_so_and_keeps_what_it_has(folder: Path) -> None:
    spool = Spool(folder, 60, FakeClock())
    spool.append(b"x" * 40)

    with pytest.raises(SpoolUnavailable, match="full"):
        spool.append(b"y" * 40)

    assert _drained(spool) == [b"x" * 40]
    spool.append(b"y" * 40)


def test_what_others_wrote_counts_for_the_size_too(folder: Path) -> None:
    Spool(folder, 60, FakeClock()).append(b"x" * 40)

    with pytest.raises(SpoolUnavailable, match="full"):
        Spool(folder, 60, FakeClock()).append(b"y" * 40)


def _fails_once(monkeypatch: pytest.MonkeyPatch, fail: Callable[[int, bytes], None]) -> None:
    write, left = write_through, [True]

    def failing(file: int, content: bytes) -> None:
        if left and left.pop():
            fail(file, content)
        write(file, content)

    monkeypatch.setattr(spool_module, "write_through", failing)


def test_a_disk_that_fills_up_in_the_middle_of_a_record_spoils_no_other(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(file: int, content: bytes) -> None:
        os.write(file, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    spool.append(b"one")
    _fails_once(monkeypatch, half)

    with pytest.raises(SpoolUnavailable, match="No space left"):
        spool.append(b"two")

    spool.append(b"three")
    assert _drained(spool) == [b"one", b"three"]


def test_half_a_record_that_cannot_be_cut_off_spoils_no_other(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(file: int, content: bytes) -> None:
        os.write(file, content[: len(content) // 2])
        raise OSError(errno.EIO, "Input/output error")

    def refuse(_file: int, _length: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    spool.append(b"one")
    _fails_once(monkeypatch, half)
    monkeypatch.setattr(os, "ftruncate", refuse)
    with pytest.raises(SpoolUnavailable, match="Input/output"):
        spool.append(b"two")

    spool.append(b"three")
    assert _drained(spool) == [b"one", b"three"]


def test_a_file_that_cannot_be_read_keeps_no_other_back_and_is_seen(spool: Spool, folder: Path) -> None:
    folder.mkdir()
    (folder / "20260101T000000000000Z-0000.spool").mkdir()
    spool.append(b"one")

    assert _drained(spool) == [b"one"]
    state = state_of(folder)
    assert (state.files, state.records) == (1, 1)
    assert state.since is not None


def test_what_cannot_be_set_aside_on_a_full_disk_keeps_no_other_file_back(
    spool: Spool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool.append(b"damaged")
    spool.release()
    path = _only_file(folder).rename(folder / "20260101T000000000000Z-0000.spool")
    path.write_bytes(path.read_bytes().replace(b"damaged\n", b"dama\n"))
    spool.append(b"one")

    def full(_file: int, _content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(spool_module, "write_through", full)

    assert _drained(spool) == [b"one"]
    assert _only_file(folder) == path


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(SpoolUnavailable):
        Spool(tmp_path / "file" / "spool", LARGE, FakeClock()).append(b"one")


def test_a_file_that_is_written_to_is_nobody_elses(spool: Spool, folder: Path) -> None:
    spool.append(b"mine")
    other = Spool(folder, LARGE, FakeClock())
    other.append(b"theirs")

    assert _drained(other) == [b"theirs"]
    assert _drained(spool) == [b"mine"]


KILLED = """
import sys
from pathlib import Path
from shared.runtime.clock import SystemClock
from shared.runtime.spool import Spool
spool = Spool(Path(sys.argv[1]), 10_000_000, SystemClock())
number = 0
while True:
    spool.append(b"%d " % number + b"x" * 5000)
    print(number, flush=True)
    number += 1
"""


@pytest.mark.parametrize("told", [1, 25])
def test_what_a_killed_process_has_left_is_picked_up_by_the_next(spool: Spool, folder: Path, told: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    ) as writer:
        assert writer.stdout is not None
        acknowledged = [int(writer.stdout.readline()) for _ in range(told)]
        assert _drained(spool) == []  # it lives, and its file is its own
        writer.send_signal(signal.SIGKILL)

    found = [int(record.split()[0]) for record in _drained(spool)]

    assert set(acknowledged) <= set(found)
    assert found == list(range(len(found)))
    assert _set_aside(folder) == {}


def test_the_state_tells_how_much_waits_and_since_when(folder: Path) -> None:
    clock = FakeClock()
    spool = Spool(folder, LARGE, clock)
    assert state_of(folder).since is None

    spool.append(b"one")
    clock.advance(60)
    spool.append(b"two")

    state = state_of(folder)
    assert (state.files, state.records, state.set_aside) == (1, 2, 0)
    assert state.bytes == _only_file(folder).stat().st_size
    assert clock.now() - (state.since or NOON) == timedelta(seconds=60)
