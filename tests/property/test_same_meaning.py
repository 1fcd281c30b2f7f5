"""One Idempotency-Key, two requests: the first answer if they mean the same, 422 if they do not (ID3)."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.api import ORDER, ApiOnFakes, problem
from tests.property.profile import effort

Order = dict[str, Any]
Change = Callable[[Order], Order]

amounts = st.integers(min_value=1000, max_value=10_000_000)  # KES 10.00 to 100 000.00
plain = st.text(st.characters(codec="ascii", min_codepoint=32, max_codepoint=126), max_size=8)
metadata = st.dictionaries(plain.filter(bool), plain, max_size=4)

# Each says the same in another way.
RESTATEMENTS: Mapping[str, Change] = {
    "the same bytes": lambda order: order,
    "keys in another order": lambda order: dict(reversed(order.items())),
    "metadata in another order": lambda order: {**order, "metadata": dict(reversed(order["metadata"].items()))},
    "the amount as text": lambda order: {**order, "amount": str(order["amount"])},
    "a place more": lambda order: {**order, "amount": f"{order['amount']}0"},
    "nothing said of what is empty": lambda order: {**order, "customer_id": None, "payment_method": None},
    "the phone as a person writes it": lambda order: {**order, "customer": {"phone": "0700 000 001"}},
}
# Each says something else.
CONTRADICTIONS: Mapping[str, Change] = {
    "a cent more": lambda order: {**order, "amount": order["amount"] + Decimal("0.01")},
    "a cent less": lambda order: {**order, "amount": order["amount"] - Decimal("0.01")},
    "ten times as much": lambda order: {**order, "amount": order["amount"] * 10},
    "another currency": lambda order: {**order, "currency": "UGX", "amount": order["amount"].to_integral_value()},
    "another customer": lambda order: {**order, "customer": {"phone": "+254700000002"}},
    "a customer id": lambda order: {**order, "customer_id": "c-1"},
    "one more word of metadata": lambda order: {**order, "metadata": {**order["metadata"], "other-word": "x"}},
    "another provider": lambda order: {**order, "provider": "narrow"},
}


@pytest.fixture(scope="module")
def api() -> ApiOnFakes:
    return ApiOnFakes()


def _json(order: Order) -> bytes:
    """As JSON with its amount as it stands: a number with a point where it is a Decimal."""
    amount = order["amount"]
    written = json.dumps(amount) if isinstance(amount, str) else format(amount, "f")
    return json.dumps({**order, "amount": "AMOUNT"}).replace('"AMOUNT"', written).encode()


def _order(minor_units: int, words: dict[str, str]) -> Order:
    return {**ORDER, "amount": Decimal(minor_units).scaleb(-2), "metadata": words}


@effort(250)
@given(amounts, metadata, st.sampled_from(sorted(RESTATEMENTS)))
def test_a_request_that_means_the_same_gets_the_first_answer(
    api: ApiOnFakes, minor_units: int, words: dict[str, str], way: str
) -> None:
    order, key = _order(minor_units, words), str(uuid4())
    first = api.pay(_json(order), Idempotency_Key=key)

    again = api.pay(_json(RESTATEMENTS[way](order)), Idempotency_Key=key.upper())

    assert (first.status_code, again.status_code) == (202, 202), again.data
    assert again.data == first.data
    assert again.headers["Idempotent-Replayed"] == "true"


@effort(250)
@given(amounts, metadata, st.sampled_from(sorted(CONTRADICTIONS)))
def test_a_request_that_means_something_else_is_refused(
    api: ApiOnFakes, minor_units: int, words: dict[str, str], way: str
) -> None:
    order, key = _order(minor_units, words), str(uuid4())
    first = api.pay(_json(order), Idempotency_Key=key)
    stored = api.stored

    other = api.pay(_json(CONTRADICTIONS[way](order)), Idempotency_Key=key)

    assert first.status_code == 202, first.data
    problem(other, 422, "idempotency_key_reused")
    assert api.stored == stored
