"""Reading the logs of a local system."""

from pathlib import Path

import pytest

from deploy.local.errors import LocalError
from deploy.local.log_output import LAST_LINES, _new_lines, log_files, show
from deploy.local.state_folder import StateFolder


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    folder = StateFolder(tmp_path / "local").create()
    folder.log("api").write_text("".join(f'{{"event": {number}}}\n' for number in range(100)))
    return folder


def shown(state: StateFolder, name: str | None) -> list[str]:
    lines: list[str] = []
    show(log_files(state, name), lines.append)
    return lines


def test_the_last_lines_of_one_are_shown_as_they_are(state: StateFolder) -> None:
    lines = shown(state, "api")

    assert len(lines) == LAST_LINES
    assert lines[-1] == '{"event": 99}'


def test_the_lines_of_several_carry_their_names(state: StateFolder) -> None:
    state.log("notifier").write_text("hello\n")

    assert shown(state, None)[-1].split() == ["notifier", "hello"]


def test_a_log_that_does_not_exist_is_told_in_one_line(state: StateFolder) -> None:
    with pytest.raises(LocalError, match="there is no log of nonsense"):
        log_files(state, "nonsense")


def test_following_shows_whole_lines_once(state: StateFolder) -> None:
    log = state.log("notifier")
    log.write_text("old\n")
    positions = {log: log.stat().st_size}

    with log.open("a") as handle:
        handle.write("first\nsec")
    first = _new_lines(log, positions)
    with log.open("a") as handle:
        handle.write("ond\n")
    second = _new_lines(log, positions)

    assert (first, second, _new_lines(log, positions)) == (["first"], ["second"], [])


def test_a_log_that_was_emptied_is_followed_from_its_start(state: StateFolder) -> None:
    log = state.log("api")
    positions = {log: log.stat().st_size}

    log.write_text("")
    emptied = _new_lines(log, positions)
    log.write_text("new\n")

    assert emptied + _new_lines(log, positions) == ["new"]
