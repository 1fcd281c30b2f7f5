"""Ports: chosen once, kept, and given up only when somebody else took them."""

import json
import socket
from pathlib import Path

import pytest

from deploy.local.ports import CANDIDATES, Ports, is_free
from deploy.local.state_folder import StateFolder


def folder(path: Path) -> StateFolder:
    return StateFolder(path / "local").create()


def test_a_port_is_remembered(tmp_path: Path) -> None:
    first = Ports(folder(tmp_path)).claim("api")

    assert Ports(folder(tmp_path)).claim("api") == first
    assert first in CANDIDATES


def test_two_names_never_share_a_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.local.ports.CANDIDATES", range(24_000, 24_060))
    ports = Ports(folder(tmp_path))

    chosen = [ports.claim(f"process-{number}") for number in range(40)]

    assert len(set(chosen)) == 40


def test_a_port_that_is_taken_is_replaced_when_claimed_and_kept_when_only_asked_for(tmp_path: Path) -> None:
    ports = Ports(folder(tmp_path))
    before = ports.claim("api")

    with socket.create_server(("127.0.0.1", before)):
        asked, claimed = ports.of("api"), ports.claim("api")

    assert asked == before
    assert claimed != before


def test_a_port_taken_on_all_addresses_is_not_free() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:
        assert not is_free(server.getsockname()[1])


def test_a_damaged_file_is_chosen_anew(tmp_path: Path) -> None:
    state = folder(tmp_path)
    state.ports.write_text('{"api": "no number", "noti')

    assert Ports(state).claim("api") in CANDIDATES
    assert json.loads(state.ports.read_text())["api"] in CANDIDATES
