"""The README's commands, run as written, in order, in one shell."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.journey import System

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"

_BLOCK = re.compile(r"^(?P<above>[^\n]*)\n```sh\n(?P<commands>.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"<!-- ci: (run|skip \(.+\)) -->")


@dataclass(frozen=True)
class Block:
    """``line`` is where its first command stands in the README."""

    mark: str | None
    commands: str
    line: int


def blocks_of(text: str) -> list[Block]:
    found = []
    for match in _BLOCK.finditer(text):
        mark = _MARK.fullmatch(match["above"])
        line = text.count("\n", 0, match.start("commands")) + 1
        found.append(Block(mark and mark[1], match["commands"], line))
    return found


def script_of(blocks: list[Block]) -> str:
    """One script of what is to run, which says where it is and stops at the first command that fails."""
    parts = [f"echo '--- README.md:{each.line}'\n{each.commands}" for each in blocks if each.mark == "run"]
    return "set -eu\n" + "\n".join(parts) + "\necho '--- all done'\n"


def test_every_block_of_commands_says_whether_ci_runs_it() -> None:
    blocks = blocks_of(README.read_text(encoding="utf-8"))

    assert [block.line for block in blocks if block.mark is None] == []
    assert len([block for block in blocks if block.mark == "run"]) >= 6


def test_a_block_without_a_mark_directly_above_it_is_noticed() -> None:
    text = "<!-- ci: run -->\n\n```sh\ntrue\n```\n\n<!-- ci: skip -->\n```sh\ntrue\n```\n"

    assert [block.mark for block in blocks_of(text)] == [None, None]


def test_the_script_stops_at_the_first_command_that_fails() -> None:
    blocks = [Block("run", "false\n", 1), Block("skip (x)", "echo skipped\n", 2), Block("run", "echo later\n", 3)]

    ended = subprocess.run(["bash", "-c", script_of(blocks)], capture_output=True, text=True, check=False, timeout=10)

    assert (ended.returncode, ended.stdout) == (1, "--- README.md:1\n")


def test_the_commands_that_are_marked_run_as_written(system: System, tmp_path: Path) -> None:
    script = tmp_path / "readme.sh"
    script.write_text(script_of(blocks_of(README.read_text(encoding="utf-8"))), encoding="utf-8")
    told = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GATEWAY_ENV": str(system.env_file)}

    ended = subprocess.run(
        ["bash", str(script)], cwd=ROOT, env=told, capture_output=True, text=True, check=False, timeout=100
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.endswith("--- all done\n")
