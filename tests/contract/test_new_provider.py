"""`payctl provider new` writes a provider that passes everything as it is: nobody starts from something broken."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from services.payctl.__main__ import main
from services.payctl.new_provider import TEMPLATE, ProviderNotWritten, write_provider

ROOT = Path(__file__).parents[2]
NAMES = ("ab", "new_pay", "a23456789_123456789_123456789_1")
LEAST_CONTRACT_TESTS = 25


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this one, with new providers in it."""
    copy = tmp_path_factory.mktemp("checkout")
    for folder in ("services", "shared", "deploy", "tests"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "pyproject.toml", copy)
    for name in NAMES:
        write_provider(name, copy)
    return copy


@pytest.fixture
def nothing_but_tests(tmp_path: Path) -> Path:
    """What makes a checkout, and no more."""
    (tmp_path / "tests" / "contract" / "providers").mkdir(parents=True)
    (tmp_path / "shared" / "providers").mkdir(parents=True)
    return tmp_path


def _run(checkout: Path, *command: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    told = done.stdout + done.stderr
    assert done.returncode == 0, told[-4000:]
    return told


def test_a_new_provider_passes_the_contract_suite_and_its_own_tests(checkout: Path) -> None:
    told = _run(
        checkout,
        *("pytest", "-q", "-p", "no:cacheprovider", "-k", "new_pay"),
        *("tests/contract/providers", "shared/providers/new_pay"),
    )

    passed = re.search(r"(\d+) passed", told)
    assert passed, told[-2000:]
    assert int(passed[1]) >= LEAST_CONTRACT_TESTS
    assert "failed" not in told


@pytest.mark.parametrize("name", NAMES)
def test_a_new_provider_is_formatted_and_has_nothing_for_the_linter_whatever_it_is_called(
    checkout: Path, name: str
) -> None:
    _run(checkout, "ruff", "format", "--no-cache", "--check", f"shared/providers/{name}")
    _run(checkout, "ruff", "check", "--no-cache", f"shared/providers/{name}")


def test_a_new_provider_has_its_types(checkout: Path) -> None:
    _run(checkout, "mypy", f"--cache-dir={ROOT / '.mypy_cache'}", "shared/providers/new_pay")


def test_every_simulator_can_run_beside_the_new_one_and_be_driven(checkout: Path) -> None:
    _run(
        checkout,
        *("pytest", "-q", "-p", "no:cacheprovider"),
        "tests/unit/services/payctl/test_sim.py",
        *("-k", "new_pay or scenarios"),
    )


def test_a_new_provider_is_called_as_it_was_asked_to_be(nothing_but_tests: Path) -> None:
    folder = write_provider("new_pay", nothing_but_tests)

    written = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}
    templates = {path.relative_to(TEMPLATE).as_posix() for path in TEMPLATE.rglob("*.tmpl")}
    assert {f"{name}.tmpl" for name in written} == templates
    assert {"README.md", "compose.yml", "fixtures/contract.json", "simulator/__init__.py"} <= written.keys()
    assert [name for name, text in written.items() if re.search(r"@\w+@", text)] == []
    assert "# NewPay\n" in written["README.md"]
    assert "NEW_PAY_DELAY_MS" in written["README.md"]


@pytest.mark.parametrize("name", ["", "x", "New", "2pay", "new-pay", "../pay", "class", "a" * 32, "pay.me", "naïve"])
def test_a_name_that_no_folder_can_have_is_refused(nothing_but_tests: Path, name: str) -> None:
    with pytest.raises(ProviderNotWritten, match="cannot be a provider"):
        write_provider(name, nothing_but_tests)

    assert list((nothing_but_tests / "shared" / "providers").iterdir()) == []


def test_a_provider_that_is_there_is_left_alone(nothing_but_tests: Path) -> None:
    readme = write_provider("new_pay", nothing_but_tests) / "README.md"
    readme.write_text("mine")

    with pytest.raises(ProviderNotWritten, match="already"):
        write_provider("new_pay", nothing_but_tests)

    assert readme.read_text() == "mine"


def test_the_image_writes_no_provider(tmp_path: Path) -> None:
    (tmp_path / "shared" / "providers").mkdir(parents=True)

    with pytest.raises(ProviderNotWritten, match="checkout"):
        write_provider("new_pay", tmp_path)


def test_writing_a_provider_needs_no_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, nothing_but_tests: Path
) -> None:
    for setting in ("DATABASE_URL", "AMQP_URL", "AUDIT_KEY"):
        monkeypatch.delenv(setting, raising=False)
    monkeypatch.setattr("services.payctl.commands.provider.CHECKOUT", nothing_but_tests)
    new = ["--env-file", str(tmp_path / "none"), "provider", "new", "new_pay"]

    first, again = CliRunner().invoke(main, new), CliRunner().invoke(main, new)

    assert (first.exit_code, first.output.split()[0]) == (0, "shared/providers/new_pay")
    assert (again.exit_code, again.output) == (1, "Error: there is a provider 'new_pay' already\n")
