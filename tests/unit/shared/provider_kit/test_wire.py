"""The models that a provider's JSON is written down with."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from shared.domain.money import MAX_MINOR_UNITS
from shared.provider_kit.wire import AmountMinor, Identifier, Received, Sent, Word, moment_in, read


class Order(Sent):
    amount: int
    note: str | None = None


class Payment(Received):
    id: Identifier
    status: Word
    amount: AmountMinor


def body(**changes: object) -> bytes:
    fields = {"id": '"pay_1"', "status": '"paid"', "amount": "5", **changes}
    return f"{{{', '.join(f'{json_name(name)}: {value}' for name, value in fields.items())}}}".encode()


def json_name(name: str) -> str:
    return f'"{name}"'


def test_what_is_not_set_is_not_sent() -> None:
    assert Order(amount=5).to_json() == {"amount": 5}


def test_a_field_that_they_do_not_have_is_never_sent() -> None:
    with pytest.raises(ValidationError):
        Order.model_validate({"amount": 5, "surprise": 1})


def test_a_field_that_is_new_with_them_is_dropped() -> None:
    told = read(Payment, body(surprise='"boo"'))

    assert told is not None
    assert told.model_dump() == {"id": "pay_1", "status": "paid", "amount": 5}


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"id": "pay', b"[]", b"null", b"\xff"])
def test_what_is_no_answer_is_read_as_none(body: bytes) -> None:
    assert read(Payment, body) is None


@pytest.mark.parametrize("amount", ["-1", "5.0", '"5"', "true", str(MAX_MINOR_UNITS + 1)])
def test_an_amount_is_whole_minor_units(amount: str) -> None:
    assert read(Payment, body(amount=amount)) is None


@pytest.mark.parametrize("changes", [{"id": '""'}, {"id": f'"{"x" * 256}"'}, {"status": f'"{"x" * 256}"'}])
def test_an_id_and_a_word_are_of_a_length_that_can_be_kept(changes: dict[str, object]) -> None:
    assert read(Payment, body(**changes)) is None


@pytest.mark.parametrize("text", ["2026-11-23T12:00:00Z", "2026-11-23T15:00:00+03:00"])
def test_a_moment_is_read_in_utc(text: str) -> None:
    moment = moment_in(text)

    assert moment == datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert moment.tzinfo is UTC


@pytest.mark.parametrize("text", [None, "", "yesterday", "2026-11-23T12:00:00", "2026-11-23"])
def test_what_says_no_moment_is_none(text: str | None) -> None:
    assert moment_in(text) is None
