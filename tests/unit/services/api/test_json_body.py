"""JSON in and out, exactly."""

from decimal import Decimal

import pytest
from flask import Flask

from services.api.json_body import ExactJson

EXACT = ExactJson(Flask("test"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.15", Decimal("1.15")),
        ("90071992547409931.01", Decimal("90071992547409931.01")),
        ("1e400", Decimal("1E+400")),
        ("1000", 1000),
        ("-0.0", Decimal("-0.0")),
    ],
)
def test_numbers_with_a_point_become_exact_decimals(text: str, value: object) -> None:
    read = EXACT.loads(text)

    assert (read, type(read), str(read)) == (value, type(value), str(value))


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", '{"a":NaN}', "[Infinity]"])
def test_what_python_reads_and_json_does_not_know_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a JSON number"):
        EXACT.loads(text)


@pytest.mark.parametrize("text", ['{"a":1,"a":1}', '{"b":{"a":1,"a":2}}', '[{"a":1,"\\u0061":2}]'])
def test_a_key_that_stands_twice_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="stands twice"):
        EXACT.loads(text)


def test_the_same_key_in_two_objects_is_fine() -> None:
    assert EXACT.loads('{"a":{"b":1},"c":{"b":2}}') == {"a": {"b": 1}, "c": {"b": 2}}


def test_answers_are_written_short_and_in_plain_letters() -> None:
    assert EXACT.dumps({"a": [1, "é"], "b": None}) == '{"a":[1,"é"],"b":null}'


def test_an_answer_never_has_what_json_does_not_know() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        EXACT.dumps({"a": float("nan")})
