"""The linters are switched on: one planted violation of each is caught by the tool that should."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources, to plant in."""
    folder = tmp_path_factory.mktemp("planted")
    for name in ("services", "shared"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "tests"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def _run(tool: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / tool), *arguments]
    return subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, timeout=110)


@pytest.mark.parametrize(
    ("path", "line", "contract"),
    [
        ("services/notifier/hub.py", "import services.api.settings", "Processes never import one another"),
        ("shared/providers/cpay/adapter.py", "import flask", "Providers know no web framework"),
        ("shared/domain/money.py", "import shared.runtime.clock", "Who may import whom"),
        ("services/api/auth.py", "import kombu", "Only shared.messaging"),
        ("services/api/auth.py", "import shared.provider_kit.registry", "Only bootstrap looks providers up"),
        ("services/api/auth.py", "import shared.providers.cpay", "Only bootstrap looks providers up"),
    ],
)
def test_import_linter_catches_a_forbidden_import(copy: Path, path: str, line: str, contract: str) -> None:
    planted = copy / path
    original = planted.read_text()
    planted.write_text(f"{original}\n{line}\n")

    verdict = _run("lint-imports", "--no-cache", folder=copy)
    planted.write_text(original)

    assert verdict.returncode != 0
    assert any(contract in row and "BROKEN" in row for row in verdict.stdout.splitlines())


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("from datetime import datetime\nnow = datetime.utcnow()\n", "DTZ003"),
        ("def f(x):\n    if x:\n        return 1\n    else:\n        return 2\n", "RET505"),
        ("def f(log, x):\n    log.info(f'x {x}')\n", "G004"),
        ("try:\n    f()\nexcept Exception:\n    x = 1\n", "BLE001"),
        ("def f(a, b, c, d, e, g, h): ...\n", "PLR0913"),
        ("x = 1  # type: ignore\n", "PGH003"),
        ("from . import x\n", "TID252"),
        ("import os, sys\n", "E401"),
    ],
)
def test_ruff_catches_it(copy: Path, source: str, code: str) -> None:
    planted = copy / "services" / "planted.py"
    planted.write_text(f'"""Planted."""\n\n{source}')

    verdict = _run("ruff", "check", "--no-cache", "services/planted.py", folder=copy)
    planted.unlink()

    assert verdict.returncode != 0
    assert code in verdict.stdout


def test_mypy_catches_an_outcome_that_nobody_handles(copy: Path) -> None:
    planted = copy / "planted.py"
    planted.write_text(
        "from typing import assert_never\n"
        "from shared.domain.outcome import NotSent, Outcome\n"
        "def f(outcome: Outcome) -> int:\n"
        "    match outcome:\n"
        "        case NotSent():\n"
        "            return 1\n"
        "        case unreachable:\n"
        "            assert_never(unreachable)\n"
    )

    verdict = _run("mypy", "--follow-imports=silent", "planted.py", folder=copy)
    planted.unlink()

    assert verdict.returncode != 0
    assert "arg-type" in verdict.stdout


def test_deptry_catches_a_package_that_is_not_declared(copy: Path) -> None:
    planted = copy / "services" / "planted.py"
    planted.write_text('"""Planted."""\n\nimport requests\n')

    verdict = _run("deptry", ".", folder=copy)
    planted.unlink()

    assert verdict.returncode != 0
    assert "requests" in verdict.stderr
