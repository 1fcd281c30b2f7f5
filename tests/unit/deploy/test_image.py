"""The image of all our processes: what goes in, and who runs in it."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
# Instructions, with continued lines joined and comments gone.
INSTRUCTIONS = [
    line.strip()
    for line in re.sub(
        r"\\\n", " ", re.sub(r"^#.*\n", "", (ROOT / "deploy" / "Dockerfile").read_text(), flags=re.MULTILINE)
    ).splitlines()
    if line.strip()
]
LAST_STAGE = INSTRUCTIONS[max(place for place, line in enumerate(INSTRUCTIONS) if line.startswith("FROM ")) :]


def test_a_container_does_not_run_as_root() -> None:
    assert re.fullmatch(r"USER [1-9]\d{3,}:[1-9]\d{3,}", LAST_STAGE[-1])


def test_every_stage_starts_from_the_pinned_official_python() -> None:
    bases = {line.split()[1] for line in INSTRUCTIONS if line.startswith("FROM ")}

    assert bases == {"python:3.11-slim-bookworm"}


def test_dependencies_are_locked_by_hash_and_never_compiled() -> None:
    installs = [line for line in INSTRUCTIONS if "pip" in line and " install " in line]

    assert len(installs) == 1
    for option in ("--require-hashes", "--only-binary :all:", "--no-cache-dir", "requirements.lock"):
        assert option in installs[0]


def test_nothing_is_installed_into_the_last_stage() -> None:
    assert not re.search(r"\b(apt|apt-get|pip)\b", " ".join(LAST_STAGE))


def test_the_image_serves_every_process_and_none_by_default() -> None:
    assert not [line for line in LAST_STAGE if line.startswith(("CMD", "ENTRYPOINT"))]


def test_the_classic_builder_can_build_it() -> None:
    assert "# syntax" not in (ROOT / "deploy" / "Dockerfile").read_text().splitlines()[0]
    assert not [line for line in INSTRUCTIONS if "--mount" in line or "<<" in line]


def test_only_what_the_image_is_made_of_reaches_the_builder() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]

    assert lines[0] == "*"
    assert {line for line in lines if line.startswith("!")} == {
        "!requirements.lock",
        "!services",
        "!shared",
        "!deploy/demo",
        "!deploy/prepare",
    }
    assert "**/tests" in lines
