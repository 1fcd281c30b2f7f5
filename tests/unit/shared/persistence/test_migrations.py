"""The migrations are one line: two that follow the same one cannot be applied, which a deployment would find out."""

from pathlib import Path

from alembic.script import ScriptDirectory

import shared.persistence

MIGRATIONS = Path(shared.persistence.__file__).parent / "migrations"


def test_there_is_one_head_and_numbers_follow_one_another() -> None:
    scripts = ScriptDirectory(str(MIGRATIONS))

    numbers = [script.revision for script in scripts.walk_revisions()]

    assert numbers == [f"{number:04}" for number in range(len(numbers), 0, -1)]
