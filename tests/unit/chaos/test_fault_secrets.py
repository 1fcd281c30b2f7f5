"""The row in which every secret is replaced sees what our processes complain of, from its own beginning on."""

import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.chaos.fault_secrets import COMPLAINTS, KEY_HOLDERS, complaints_counted
from tests.chaos.faults import Injection


def _injection(folder: Path) -> Injection:
    state = SimpleNamespace(log=lambda name: folder / f"{name}.log")
    stage = cast("Any", SimpleNamespace(local=SimpleNamespace(state=state)))
    for name in KEY_HOLDERS:
        (folder / f"{name}.log").write_text(f"before: {COMPLAINTS[0]}\n")
    return Injection(stage, cast("Any", None), 1, random.Random(1))


@pytest.mark.parametrize("complaint", COMPLAINTS)
@pytest.mark.parametrize("name", KEY_HOLDERS)
def test_a_complaint_of_any_process_is_a_problem_of_the_row(tmp_path: Path, name: str, complaint: str) -> None:
    injection = _injection(tmp_path)

    with complaints_counted(injection), (tmp_path / f"{name}.log").open("a") as log:
        log.write(f'{{"event": "fine"}}\n{{"event": "{complaint}"}}\n')

    (problem,) = injection.problems
    assert problem.startswith(f"1 complaints in {name}.log")


def test_what_was_complained_of_before_the_row_is_none_of_its_problems(tmp_path: Path) -> None:
    injection = _injection(tmp_path)

    with complaints_counted(injection), (tmp_path / "api.log").open("a") as log:
        log.write('{"event": "webhook.received"}\n')

    assert injection.problems == []
