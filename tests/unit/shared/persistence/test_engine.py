"""What a provider signed can always be stored."""

import json

import pytest

from shared.persistence.engine import storable_json


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("a\x00b", "a\ufffdb"),
        ("\\u0000", "\\u0000"),
        ("\\\x00", "\\\ufffd"),
        ("half \ud800 pair", "half ? pair"),
        ("plain ü €", "plain ü €"),
    ],
)
def test_only_what_postgresql_cannot_store_is_replaced(given: str, stored: str) -> None:
    assert json.loads(storable_json({given: given})) == {stored: stored}
