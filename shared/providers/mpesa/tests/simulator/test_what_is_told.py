"""``payctl sim scenarios`` tells what each row plays, and every row is in the README."""

from pathlib import Path

import pytest

from shared.providers.mpesa.simulator.control import ANSWERED, CONTROL, TOLD, what_happens
from shared.providers.mpesa.simulator.scenarios import BY_DIGITS, BY_DIGITS_OF_REVERSAL, DEFAULT, Answering, Telling

README = (Path(__file__).parents[2] / "simulator" / "README.md").read_text(encoding="utf-8")


def test_every_row_is_told_with_its_digits_and_is_in_the_readme() -> None:
    told = [each.digits for each in CONTROL.scenarios]

    assert sorted(told) == sorted({*BY_DIGITS, *BY_DIGITS_OF_REVERSAL})
    assert [digits for digits in told if digits not in README] == []


def test_every_way_to_answer_and_to_tell_has_its_words() -> None:
    assert set(ANSWERED) == set(Answering) - {Answering.PROPERLY}
    assert set(TOLD) == set(Telling) - {Telling.PROPERLY}


@pytest.mark.parametrize(
    ("digits", "words"),
    [
        ("732", "1032: Request cancelled by user"),
        ("718", "7777: a code that nobody knows"),
        ("813", "never told: a query, a status or a pull shows it"),
        ("829", "1032: Request cancelled by user; never told: a query, a status or a pull shows it"),
        ("931", "once an invalid token, and the live one is dead; not executed, then paid"),
    ],
)
def test_a_row_tells_how_it_is_answered_how_it_ends_and_how_it_is_told(digits: str, words: str) -> None:
    assert what_happens(BY_DIGITS[digits]) == words


def test_what_is_in_no_row_is_paid() -> None:
    assert what_happens(DEFAULT) == "paid"
