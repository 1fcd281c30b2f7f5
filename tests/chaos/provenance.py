"""Where a written table comes from, so that a reader can see the same run again."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]


def provenance() -> str:
    """The commit (and whether the tree differed from it), the day, and the machine, in one line."""
    made = datetime.now(UTC).date().isoformat()
    return f"Commit {_commit()}, {made}, {os.cpu_count()} processors, Python {platform.python_version()}."


def _commit() -> str:
    commit = _git("rev-parse", "--short=12", "HEAD")
    if not commit:
        return "unknown (no git here)"
    return f"{commit} with changes" if _git("status", "--porcelain", "--untracked-files=no") else commit


def _git(*arguments: str) -> str:
    """Its answer; nothing where there is no git, or no repository."""
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
