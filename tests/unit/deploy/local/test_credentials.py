"""Secrets: made once, private, in the form each is wanted in."""

import re
import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from deploy.local.credentials import load_secrets
from deploy.local.state_folder import StateFolder


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / "local").create()


def test_secrets_are_kept(state: StateFolder) -> None:
    assert load_secrets(state) == load_secrets(state)


def test_secrets_of_two_systems_differ(state: StateFolder, tmp_path: Path) -> None:
    other = load_secrets(StateFolder(tmp_path / "other").create())

    assert not set(load_secrets(state).values()) & set(other.values())


def test_the_file_is_readable_by_its_owner_only(state: StateFolder) -> None:
    load_secrets(state)

    assert stat.S_IMODE(state.secrets.stat().st_mode) == 0o600


def test_a_missing_secret_is_added_and_the_others_stay(state: StateFolder) -> None:
    state.secrets.write_text('{"redis_password": "kept"}')

    secrets = load_secrets(state)

    assert secrets["redis_password"] == "kept"
    assert secrets["jwt_secret_key"]


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("sandbox_secret", r"[A-Za-z0-9_-]{64}"),
        ("api_key_id", r"gwk_[0-9a-f]{24}"),
        ("api_key_secret", r"gws_[A-Za-z0-9_-]{43}"),
    ],
)
def test_a_key_has_its_form(state: StateFolder, name: str, form: str) -> None:
    assert re.fullmatch(form, load_secrets(state)[name])


def test_the_encryption_key_is_a_fernet_key(state: StateFolder) -> None:
    secrets = load_secrets(state)

    assert Fernet(secrets["credential_encryption_key"]).encrypt(b"x")
