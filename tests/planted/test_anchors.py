"""The planted mistakes stay alive: each still finds the one place where it belongs."""

import ast
from pathlib import Path

import pytest

from tests.planted.mistakes import MISTAKES, Mistake
from tests.planted.planting import ROOT, AnchorLost, replaced

by_name = pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)


@by_name
def test_the_text_that_a_mistake_replaces_stands_exactly_once(mistake: Mistake) -> None:
    assert replaced(mistake) != (ROOT / mistake.path).read_text()


@by_name
def test_what_a_mistake_makes_is_still_python(mistake: Mistake) -> None:
    assert ast.parse(replaced(mistake)).body


@by_name
def test_the_tests_that_a_mistake_names_exist(mistake: Mistake) -> None:
    assert all((ROOT / test.partition("::")[0]).is_file() for test in mistake.tests)


def test_every_mistake_has_a_name_of_its_own() -> None:
    assert len({each.name for each in MISTAKES}) == len(MISTAKES)


@pytest.mark.parametrize("source", ["nothing of it", "right right"])
def test_a_text_that_is_lost_or_stands_twice_is_noticed(source: str, tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text(source)
    mistake = Mistake(name="a", path="x.py", right="right", wrong="wrong", tests=())

    with pytest.raises(AnchorLost):
        replaced(mistake, tmp_path)
