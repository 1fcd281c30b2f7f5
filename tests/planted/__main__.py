"""Makes every mistake in turn, and says which test noticed: ``python -m tests.planted [--only WORDS]``."""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.planted.mistakes import MISTAKES, Mistake
from tests.planted.planting import Copy


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.planted", description=__doc__)
    parser.add_argument("--only", metavar="WORDS", default="", help="those whose name contains WORDS")
    wanted = parser.parse_args(arguments).only
    mistakes = [each for each in MISTAKES if wanted in each.name]
    if not mistakes:
        _say(f"no mistake is named like {wanted!r}")
        return 2
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        return _plant(Copy(Path(folder)), mistakes)


def _plant(copy: Copy, mistakes: Sequence[Mistake]) -> int:
    sound = copy.run_without_mistake(sorted({test for each in mistakes for test in each.tests}))
    if sound.first_failure is not None:
        _say(f"the tests must pass before a mistake is made; {sound.first_failure} does not")
        return 2
    caught = sum(_is_caught(copy, mistake) for mistake in mistakes)
    _say(f"caught {caught} / planted {len(mistakes)}")
    return 0 if caught == len(mistakes) else 1


def _is_caught(copy: Copy, mistake: Mistake) -> bool:
    started = time.monotonic()
    run = copy.run_with(mistake)
    verdict = "NOT CAUGHT" if run.first_failure is None else f"caught by {run.first_failure}"
    _say(f"{mistake.name}  [{mistake.path}]  {verdict}  {time.monotonic() - started:.1f} s")
    return run.first_failure is not None


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
