"""One text for one JSON value."""

import pytest

from shared.runtime.canonical_json import canonical_json, parse_exactly


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ('{ "b" : 1, "a" : [ ] }', '{"a":[],"b":1}'),
        ('{"é": "\\u00e9", "e": "\\n\\"\\\\/"}', '{"e":"\\n\\"\\\\/","é":"é"}'),
        ("1e3", "1000"),
        ("1.50", "1.50"),
        ("-0.0", "0.0"),
        ("-0", "0"),
        ("1e-7", "0.0000001"),
        ("12345678901234567890.123456789012345678901", "12345678901234567890.123456789012345678901"),
        ("[true, false, null]", "[true,false,null]"),
        ('"\\ud83c\\udfe6"', '"🏦"'),
    ],
)
def test_the_same_value_has_one_text(text: str, canonical: str) -> None:
    assert canonical_json(parse_exactly(text)) == canonical
    assert canonical_json(parse_exactly(canonical)) == canonical


def test_true_is_not_one() -> None:
    assert canonical_json([True, 1]) == "[true,1]"


@pytest.mark.parametrize("text", ['{"b":["x\\u0001é/\\u007f",1,{}],"a":null,"":true}', '{"é":[],"e":"\\\\"}'])
def test_a_decimal_beside_it_changes_nothing(text: str) -> None:
    without, beside = parse_exactly(text), [parse_exactly(text), parse_exactly("0.5")]

    assert canonical_json(beside) == f"[{canonical_json(without)},0.5]"


@pytest.mark.parametrize("value", [{1, 2}, object(), {"a": [b"x"]}])
def test_what_has_no_exact_text_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="no canonical form"):
        canonical_json(value)
