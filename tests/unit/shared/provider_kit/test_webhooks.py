"""What every provider's callbacks are read with: what is believed, and what is not."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import BaseModel

from shared.domain.errors import WebhookRejected
from shared.domain.money import Money
from shared.persistence.engine import storable_json
from shared.provider_kit.webhooks import (
    check_fresh,
    is_any_signature,
    json_object,
    money,
    shaped,
    storable,
    uuid_or_none,
)

NOW = datetime(2026, 11, 23, 12, 0, 0, 900_000, tzinfo=UTC)
UUID_TEXT = "01980000-0000-7000-8000-000000000001"


class News(BaseModel):
    status: str


def seconds(shift: int) -> str:
    return str(int((NOW + timedelta(seconds=shift)).timestamp()))


@pytest.mark.parametrize("shift", [-300, -1, 0, 300])
def test_a_timestamp_within_300_seconds_on_either_side_is_fresh(shift: int) -> None:
    check_fresh(seconds(shift), NOW)


@pytest.mark.parametrize("shift", [-301, 301])
def test_a_timestamp_further_away_is_stale(shift: int) -> None:
    with pytest.raises(WebhookRejected, match="stale"):
        check_fresh(seconds(shift), NOW)


@pytest.mark.parametrize("text", ["", "-1", "1.5", " 1764000000", "soon", "\u0661\u0667", "1" * 13])
def test_what_is_no_number_of_seconds_is_no_timestamp(text: str) -> None:
    with pytest.raises(WebhookRejected, match="timestamp"):
        check_fresh(text, NOW)


@pytest.mark.parametrize(
    ("given", "is_one"),
    [([], False), ([b"ours"], True), ([b"theirs"], False), ([b"theirs", b"older"], True), ([b"our"], False)],
)
def test_one_of_several_signatures_by_one_of_several_keys_is_enough(given: list[bytes], is_one: bool) -> None:
    assert is_any_signature(given, (key for key in (b"ours", b"older"))) is is_one


def test_without_a_key_no_signature_is_right() -> None:
    assert not is_any_signature([b""], [])


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"text"', b"7", b'{"a": NaN}', b'{"a": -Infinity}', b'{"a": "\xff"}', b"[" * 100_000],
)
def test_what_is_not_one_json_object_is_rejected(body: bytes) -> None:
    with pytest.raises(WebhookRejected, match="body"):
        json_object(body)


def test_what_no_database_keeps_is_replaced_however_deep_it_stands() -> None:
    payload = json_object(b'{"a\\u0000": ["\\ud800", {"b": "x\\u0000y", "c": 1, "d": null}], "e": "\\ud83d\\ude00"}')

    assert storable(payload) == {"a\ufffd": ["\ufffd", {"b": "x\ufffdy", "c": 1, "d": None}], "e": "\U0001f600"}


def test_a_number_that_no_database_has_is_kept_as_their_text() -> None:
    payload = json_object(b'{"a": 1e400, "b": -1e400, "c": 1.5}')

    assert payload == {"a": "1e400", "b": "-1e400", "c": 1.5}
    assert storable_json(payload) == '{"a":"1e400","b":"-1e400","c":1.5}'


def test_a_number_with_a_fraction_becomes_what_the_provider_needs() -> None:
    assert json_object(b'{"a": 1.10}', parse_float=str) == {"a": "1.10"}


def test_a_payload_is_read_as_its_model_and_what_it_lacks_is_named() -> None:
    assert shaped(News, {"status": "paid"}) == News(status="paid")
    with pytest.raises(WebhookRejected, match="no news"):
        shaped(News, {"state": "paid"})


def test_an_amount_in_a_currency_that_nobody_has_is_rejected() -> None:
    assert money(150, "KES") == Money(150, "KES")
    with pytest.raises(WebhookRejected, match="currency"):
        money(150, "XXQ")


@pytest.mark.parametrize(("text", "found"), [(UUID_TEXT, UUID_TEXT), ("order 7", "None"), ("", "None"), (None, "None")])
def test_only_an_id_of_ours_is_taken_for_one(text: str | None, found: str) -> None:
    assert str(uuid_or_none(text)) == found
