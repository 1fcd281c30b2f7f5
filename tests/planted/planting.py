"""Plants one mistake at a time into a copy of the tree, and runs tests there."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.planted.mistakes import Mistake

ROOT = Path(__file__).parents[2]
_LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".local", "__pycache__", ".*_cache", ".hypothesis")
_FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)


class AnchorLost(Exception):
    """The text that a mistake replaces does not stand exactly once in its file: the mistake must be written anew."""


@dataclass(frozen=True, slots=True)
class TestRun:
    """``first_failure`` names a test; ``None``: everything passed."""

    first_failure: str | None


def replaced(mistake: Mistake, root: Path = ROOT) -> str:
    """The file with the mistake in it. Raises ``AnchorLost``."""
    source = (root / mistake.path).read_text()
    found = source.count(mistake.right)
    if found != 1:
        raise AnchorLost(f"{mistake.name}: its text stands {found} times in {mistake.path}")
    return source.replace(mistake.right, mistake.wrong)


class Copy:
    """The whole tree in a folder of its own, with the same virtual environment."""

    def __init__(self, folder: Path) -> None:
        self._root, self._age = folder / "tree", 1_000_000_000
        shutil.copytree(ROOT, self._root, ignore=_LEFT_OUT)
        (self._root / ".venv").symlink_to((ROOT / ".venv").resolve())

    def run_without_mistake(self, tests: Sequence[str]) -> TestRun:
        return self._run(tests)

    def run_with(self, mistake: Mistake) -> TestRun:
        place = self._root / mistake.path
        right = place.read_text()
        self._write(place, replaced(mistake, self._root))
        try:
            return self._run(mistake.tests)
        finally:
            self._write(place, right)

    def _write(self, place: Path, source: str) -> None:
        """Each time a second later: two versions of one age would share their byte code."""
        place.write_text(source)
        self._age += 1
        os.utime(place, (self._age, self._age))

    def _run(self, tests: Sequence[str]) -> TestRun:
        # The first failing example will do: nobody reads it.
        environment = os.environ | {"HYPOTHESIS_PROFILE": "first"}
        command = [".venv/bin/python", "-m", "pytest", "-x", "-q", "--no-header", "--tb=no", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [*command, *tests], cwd=self._root, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode not in {0, 1}:
            sys.stderr.write(done.stdout + done.stderr)
            raise RuntimeError(f"pytest could not run {' '.join(tests)}")
        failed = _FAILED.search(done.stdout)
        return TestRun(failed.group(1) if failed else None)
