"""State tables under any order of triggers; messages and idempotency keys under any input."""

import re
from datetime import UTC, datetime
from typing import get_args
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.api.idempotency import idempotency_key
from shared.contracts.messages.codec import MessageUnreadable, decode, encode
from shared.contracts.messages.commands import Command
from shared.contracts.messages.envelope import Message
from shared.contracts.messages.events import Event
from shared.domain.errors import IdempotencyKeyInvalid, IdempotencyKeyMissing, IllegalTransition
from shared.domain.refund_status import UNFINISHED as REFUND_UNFINISHED
from shared.domain.refund_status import RefundStatus, RefundTrigger
from shared.domain.transaction_status import NOT_TAKEN, UNFINISHED, TransactionStatus, TransactionTrigger
from tests.fakes.clock import NOON
from tests.fakes.makers import TAKEN, a_payment, a_refund
from tests.property.profile import effort

S, T = TransactionStatus, TransactionTrigger
MESSAGES: tuple[type[Message], ...] = (*get_args(Command), *get_args(Event))


@effort(500)
@given(st.lists(st.sampled_from(T), max_size=30))
def test_a_payment_counts_its_edges_and_is_never_unfinished_again(triggers: list[TransactionTrigger]) -> None:
    payment = a_payment()

    for trigger in triggers:
        before = payment
        try:
            payment, _ = before.on(trigger, NOON)
        except IllegalTransition:
            continue
        assert payment.version == before.version + 1
        if before.status not in UNFINISHED:
            assert payment.status not in UNFINISHED
        if before.status in TAKEN:
            assert payment.status in TAKEN, "success absorbs"
        if before.status in NOT_TAKEN:
            assert (payment.status, trigger) == (S.COMPLETED, T.SUCCEED)


@effort(500)
@given(st.lists(st.sampled_from(RefundTrigger), max_size=30))
def test_a_refund_ends_once_and_only_a_bank_may_take_it_back(triggers: list[RefundTrigger]) -> None:
    refund = a_refund(a_payment())

    for trigger in triggers:
        before = refund
        try:
            refund, _ = before.on(trigger, NOON)
        except IllegalTransition:
            continue
        assert before.status is not RefundStatus.FAILED
        if before.status not in REFUND_UNFINISHED:
            moved = (before.status, trigger, refund.status)
            assert moved == (RefundStatus.SUCCEEDED, RefundTrigger.DECLINE, RefundStatus.FAILED)


def messages() -> st.SearchStrategy[Message]:
    """Every message there is, with any ids, times and texts."""
    times = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
    st.register_type_strategy(datetime, times)
    return st.one_of([st.builds(each, occurred_at=times, **_times_of(each, times)) for each in MESSAGES])


def _times_of(message: type[Message], times: st.SearchStrategy[datetime]) -> dict[str, st.SearchStrategy[datetime]]:
    return {"expires_at": times} if "expires_at" in message.model_fields else {}


@effort(500)
@given(messages())
def test_every_message_reads_back_as_it_was_written(message: Message) -> None:
    read = decode(encode(message))

    assert (type(read), read) == (type(message), message)


@effort(500)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_whatever_is_no_message_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(MessageUnreadable):
        decode(body)


@effort(500)
@given(st.uuids(version=4), st.booleans(), st.booleans(), st.sampled_from(["", " ", "\t", "  "]))
def test_a_key_reads_the_same_in_quotes_in_capitals_and_with_space_around(
    key: UUID, quoted: bool, upper: bool, space: str
) -> None:
    text = str(key).upper() if upper else str(key)
    line = f'{space}"{text}"{space}' if quoted else f"{space}{text}{space}"

    assert idempotency_key([line]) == str(key)


@effort(500)
@given(st.lists(st.text(max_size=50) | st.uuids().map(str), max_size=3))
@example(["٣" * 8 + "-1234-4234-8234-123456789012"])
@example(["12345678-1234-4234-8234-123456789012\n"])
@example(['"'])
@example(['""'])
@example(["{12345678-1234-4234-8234-123456789012}"])
@example(["urn:uuid:12345678-1234-4234-8234-123456789012"])
def test_anything_else_is_a_key_or_one_of_two_errors(lines: list[str]) -> None:
    try:
        key = idempotency_key(lines)
    except IdempotencyKeyMissing:
        assert not lines
    except IdempotencyKeyInvalid:
        assert lines
    else:
        assert len(lines) == 1
        assert re.fullmatch(r"[0-9a-f-]{36}", key, re.ASCII)
        assert UUID(key).version == 4
