"""The command line says what is wrong in one line, and never shows a secret."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from services.payctl.__main__ import main

KEY = f"AUDIT_KEY={'k' * 32}\n"


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "AMQP_URL", "AUDIT_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_settings")
def test_missing_settings_are_named_in_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--env-file", str(tmp_path / "none"), "payment", "show", "x"])

    assert result.exit_code == 1
    assert "AMQP_URL, AUDIT_KEY, DATABASE_URL: not set" in result.output


@pytest.mark.usefixtures("no_settings")
def test_settings_come_from_the_file(tmp_path: Path) -> None:
    env_file = tmp_path / "gateway.env"
    env_file.write_text(
        "DATABASE_URL=mysql://somebody:s3cr3t@nowhere/x\nAMQP_URL=amqp://nowhere\nAUDIT_KEY=" + "k" * 32,
        encoding="utf-8",
    )

    result = CliRunner().invoke(main, ["--env-file", str(env_file), "payment", "show", "x"])

    assert "DATABASE_URL: not set" in result.output
    assert "s3cr3t" not in result.output


def test_an_id_that_is_none_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    env_file = tmp_path / "gateway.env"
    env_file.write_text(
        "DATABASE_URL=postgresql://nobody@127.0.0.1:1/x\nAMQP_URL=amqp://nowhere\nAUDIT_KEY=" + "k" * 32,
        encoding="utf-8",
    )

    result = CliRunner().invoke(main, ["--env-file", str(env_file), "payment", "show", "not-an-id"])

    assert result.exit_code == 2
    assert "is not a valid UUID" in result.output


@pytest.mark.usefixtures("no_settings")
def test_the_proof_needs_no_settings_but_a_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("services.payctl.commands.prove.CHECKOUT", tmp_path)

    result = CliRunner().invoke(main, ["prove", "--smoke"])

    assert result.exit_code == 1
    assert result.output == "Error: prove needs a checkout of the repository: the proof is not part of the image\n"
