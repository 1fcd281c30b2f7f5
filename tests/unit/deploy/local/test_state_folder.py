"""The state folder: one command at a time, private files, whole files."""

import stat
import threading
from pathlib import Path

from deploy.local.state_folder import StateFolder, read_json, tail, write_json, write_private


def test_a_second_command_waits_for_the_first(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "local")
    order: list[str] = []
    waits = threading.Event()

    def second() -> None:
        with state.lock(on_wait=waits.set):
            order.append("second")

    with state.lock():
        thread = threading.Thread(target=second)
        thread.start()
        assert waits.wait(5)
        order.append("first")
    thread.join()

    assert order == ["first", "second"]


def test_a_private_file_is_private_also_when_it_replaces_an_open_one(tmp_path: Path) -> None:
    path = tmp_path / "gateway.env"
    path.write_text("old")
    path.chmod(0o644)

    write_private(path, "new")

    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_mapping_is_read_back_and_a_damaged_one_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_json(path, {"api": 1})
    whole = read_json(path)
    path.write_text(path.read_text()[:5])

    assert whole == {"api": "1"}
    assert read_json(path) == {}


def test_the_tail_holds_the_last_lines_since_a_position(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    log.write_text("old\n" + "".join(f"line {number}\n" for number in range(30)))

    assert tail(log, 2) == "line 28\nline 29"
    assert tail(log, 100, since=4).splitlines()[0] == "line 0"
    assert tail(tmp_path / "none.log") == ""
