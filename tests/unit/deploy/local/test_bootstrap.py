"""Making the environment: skipped when nothing changed, one line when it cannot be done."""

import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.local.settings import CHECKOUT

PYTHON = """#!/bin/sh
echo "python $*" >> {calls}
case "$*" in *version_info*) exit {version} ;; *"pip install"*) exit {pip} ;; esac
"""
UV = '#!/bin/sh\necho "uv $*" >> {calls}\ncase "$1" in --version) echo "uv 0.13.9 (x86_64)" ;; *) {then} ;; esac\n'
NO_PROGRAMS = "/nonexistent"


class Checkout:
    """A checkout with nothing in it but what the script reads, and a fake environment."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._calls = folder / "calls"
        script = folder / "deploy" / "local" / "bootstrap"
        script.parent.mkdir(parents=True)
        shutil.copy(CHECKOUT / "deploy" / "local" / "bootstrap", script)
        for name in ("pyproject.toml", "uv.lock", "requirements-all.lock"):
            (folder / name).write_text(name)

    def has_environment(self, *, uv: str | None = "true", pip: int = 0) -> None:
        (self._folder / ".venv" / "bin").mkdir(parents=True)
        self._program("python", PYTHON.format(calls=self._calls, version=0, pip=pip))
        if uv is not None:
            self._program("uv", UV.format(calls=self._calls, then=uv))

    def change(self, name: str) -> None:
        (self._folder / name).write_text("changed")

    def bootstrap(self, extras: str = "local", path: str = "/usr/bin:/bin") -> "subprocess.CompletedProcess[str]":
        self._calls.write_text("")
        command = ["/bin/sh", "deploy/local/bootstrap", extras]
        variables = {"PATH": path}
        return subprocess.run(command, cwd=self._folder, env=variables, capture_output=True, text=True, check=False)

    @property
    def asked(self) -> str:
        return self._calls.read_text()

    def _program(self, name: str, text: str) -> None:
        program = self._folder / ".venv" / "bin" / name
        program.write_text(text)
        program.chmod(0o755)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_the_locked_packages_are_installed_with_the_extra(checkout: Checkout) -> None:
    checkout.has_environment()

    done = checkout.bootstrap()

    assert done.returncode == 0
    assert "uv sync --quiet --locked --inexact --no-install-project --extra local" in checkout.asked


def test_nothing_is_done_when_nothing_changed(checkout: Checkout) -> None:
    checkout.has_environment()
    checkout.bootstrap()

    again = checkout.bootstrap()

    assert (again.returncode, again.stderr, checkout.asked) == (0, "", "")


@pytest.mark.parametrize("name", ["uv.lock", "pyproject.toml", "requirements-all.lock"])
def test_a_changed_lock_is_installed(checkout: Checkout, name: str) -> None:
    checkout.has_environment()
    checkout.bootstrap()
    checkout.change(name)

    checkout.bootstrap()

    assert "uv sync" in checkout.asked


def test_an_environment_for_everything_serves_for_running_but_not_the_other_way_round(checkout: Checkout) -> None:
    checkout.has_environment()
    checkout.bootstrap("local")
    checkout.bootstrap("all")
    asked_for_all = checkout.asked
    checkout.bootstrap("local")

    assert "--all-extras" in asked_for_all
    assert checkout.asked == ""


def test_without_uv_pip_installs_with_hashes(checkout: Checkout) -> None:
    checkout.has_environment(uv=None)
    program = checkout._folder / ".venv" / "bin" / "python"
    program.write_text(program.read_text().replace('"pip install"*)', 'pip*"uv=="*) exit 1 ;; *"pip install"*)'))

    done = checkout.bootstrap()

    assert done.returncode == 0
    assert "--require-hashes -r requirements-all.lock" in checkout.asked


def test_a_failed_installation_is_one_line_and_is_tried_again(checkout: Checkout) -> None:
    checkout.has_environment(uv="{ echo 'error: no such package'; exit 2; }")

    first, second = checkout.bootstrap(), checkout.bootstrap()

    assert first.stderr.splitlines()[-1] == "bootstrap: installing failed: error: no such package"
    assert (first.returncode, second.returncode) == (1, 1)


def test_without_a_python_it_says_what_to_install(checkout: Checkout, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("dirname", "cat", "cksum"):
        (programs / name).symlink_to(f"/usr/bin/{name}")
    script = tmp_path / "deploy" / "local" / "bootstrap"
    script.write_text(script.read_text().replace(" /usr/bin/python3;", ";"))

    done = checkout.bootstrap(path=str(programs))

    assert done.returncode == 1
    assert done.stderr == (
        "bootstrap: needs Python 3.11 or newer, found none (install python3, or set PYTHON=/path/to/python3)\n"
    )
