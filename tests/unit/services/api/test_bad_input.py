"""What is not acceptable is refused with the field's name and what would be right; nothing is stored, nothing sent."""

import json
from typing import Any

import pytest

from tests.fakes.api import ORDER, ApiOnFakes, pointers, problem

MALFORMED, INVALID = (400, "body_malformed"), (422, "validation_failed")


@pytest.fixture(scope="module")
def shared_api() -> ApiOnFakes:
    return ApiOnFakes()


@pytest.fixture
def api(shared_api: ApiOnFakes) -> ApiOnFakes:
    """One application for the whole corpus: nothing may have been stored by the case before."""
    assert shared_api.stored == 0
    return shared_api


def _nothing_happened(api: ApiOnFakes) -> None:
    assert (api.stored, api.books.handed_over, api.cache.kept) == (0, [], {})


# The amount as it stands in the JSON, and how it is refused.
AMOUNTS: dict[str, tuple[int, str]] = {
    "0": INVALID,
    "-0": INVALID,
    "0.0": INVALID,
    "-1": INVALID,
    "-0.01": INVALID,
    '"0"': INVALID,
    '"0.00"': INVALID,
    '"-1"': INVALID,
    '"+1"': INVALID,
    "0.001": INVALID,
    "10.501": INVALID,
    '"10.501"': INVALID,
    "1e-400": INVALID,
    "1e400": INVALID,
    "1e999999": INVALID,
    "-1e400": INVALID,
    str(2**63): INVALID,
    str(2**64): INVALID,
    f'"{2**63}"': INVALID,
    "92233720368547758.08": INVALID,
    "true": INVALID,
    "false": INVALID,
    "null": INVALID,
    "[]": INVALID,
    "[1]": INVALID,
    "{}": INVALID,
    '{"amount":1}': INVALID,
    '""': INVALID,
    '" "': INVALID,
    '"1e3"': INVALID,
    '"1E3"': INVALID,
    '" 1 "': INVALID,
    '"1 "': INVALID,
    '"1_000"': INVALID,
    '"1,000"': INVALID,
    '"1."': INVALID,
    '".5"': INVALID,
    '"1.2.3"': INVALID,
    '"0x10"': INVALID,
    '"NaN"': INVALID,
    '"Infinity"': INVALID,
    '"inf"': INVALID,
    '"abc"': INVALID,
    '"KES 10"': INVALID,
    '"\u0661\u0662"': INVALID,
    '"\\u0661"': INVALID,
    '"\uff11"': INVALID,
    '"1\\u0000"': INVALID,
    '"1\\n"': INVALID,
    '"1\\ud800"': INVALID,
    f'"{"9" * 5000}"': INVALID,
    f'"{"9" * 17}"': INVALID,
    "9" * 5000: MALFORMED,
    f"0.{'1' * 5000}": INVALID,
    "1e1000000": INVALID,
    "1e999999999": INVALID,
    "1e-1000000": INVALID,
    "1000.0000000000000000000000001": INVALID,
    f"1000.{'0' * 5000}": INVALID,
    f"1e{'9' * 30}": MALFORMED,
    f"1e-{'9' * 30}": MALFORMED,
    "NaN": MALFORMED,
    "-NaN": MALFORMED,
    "Infinity": MALFORMED,
    "-Infinity": MALFORMED,
    "01": MALFORMED,
    "+1": MALFORMED,
    "1.": MALFORMED,
    ".5": MALFORMED,
    "0x10": MALFORMED,
    "1_000": MALFORMED,
    "undefined": MALFORMED,
    "'1'": MALFORMED,
    "": MALFORMED,
}


def _short(value: object) -> str:
    return ascii(value)[:40]


@pytest.mark.parametrize(("amount", "refusal"), AMOUNTS.items(), ids=_short)
def test_what_is_no_amount_of_money_is_refused(api: ApiOnFakes, amount: str, refusal: tuple[int, str]) -> None:
    body = json.dumps(ORDER | {"amount": "@"}).replace('"@"', amount).encode()

    refused = problem(api.pay(body), *refusal)

    assert pointers(refused) == ["/amount" if refusal is INVALID else ""]
    _nothing_happened(api)


@pytest.mark.parametrize(("amount", "refusal"), AMOUNTS.items(), ids=_short)
def test_what_is_no_amount_of_money_is_not_refunded(amount: str, refusal: tuple[int, str], paid: ApiOnFakes) -> None:
    (payment,) = paid.books.database.committed.transactions.values()
    before = paid.stored

    response = paid.refund(payment.id, f'{{"amount":{amount},"reason":"x"}}'.encode())

    status, code = response.status_code, json.loads(response.data)["code"]
    assert (status, code) in {refusal, (422, "refund_exceeds_payment")}
    assert pointers(problem(response, status, code)) == ["/amount" if status == 422 else ""]
    assert paid.stored == before


@pytest.fixture(scope="module")
def paid() -> ApiOnFakes:
    api = ApiOnFakes()
    api.completed()
    return api


FIELDS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown provider": ({"provider": "nobody"}, "/provider"),
    "provider that is off": ({"provider": "off"}, "/provider"),
    "provider in capitals": ({"provider": "CPAY"}, "/provider"),
    "provider empty": ({"provider": ""}, "/provider"),
    "provider null": ({"provider": None}, "/provider"),
    "provider a number": ({"provider": 7}, "/provider"),
    "provider too long": ({"provider": "a" * 41}, "/provider"),
    "unknown currency": ({"currency": "ABC"}, "/currency"),
    "currency without minor units": ({"currency": "XAU"}, "/currency"),
    "currency of another provider": ({"provider": "narrow", "currency": "USD"}, "/currency"),
    "currency in small letters": ({"currency": "kes"}, "/currency"),
    "currency too long": ({"currency": "KESS"}, "/currency"),
    "currency with a line end": ({"currency": "KES\n"}, "/currency"),
    "currency null": ({"currency": None}, "/currency"),
    "decimals in yen": ({"currency": "JPY", "amount": "10.5"}, "/amount"),
    "three decimals in shillings": ({"amount": "10.501"}, "/amount"),
    "four decimals in dinars": ({"currency": "KWD", "amount": "1.0501"}, "/amount"),
    "less than the provider takes": ({"provider": "narrow", "amount": "9.99"}, "/amount"),
    "more than the provider takes": ({"provider": "narrow", "amount": "1000.01"}, "/amount"),
    "unknown field": ({"status": "completed"}, "/status"),
    "a field of ours": ({"captured": 1000}, "/captured"),
    "another merchant": ({"merchant_id": "22222222-2222-4222-8222-222222222222"}, "/merchant_id"),
    "an id": ({"id": "22222222-2222-4222-8222-222222222222"}, "/id"),
    "customer null": ({"customer": None}, "/customer"),
    "customer a list": ({"customer": []}, "/customer"),
    "customer text": ({"customer": "x"}, "/customer"),
    "unknown field of the customer": ({"customer": {"phone": "+254700000001", "role": "x"}}, "/customer/role"),
    "no phone where one is needed": ({"provider": "narrow", "customer": {"email": "a@b.co"}}, "/customer/phone"),
    "nothing of the customer": ({"customer": {}}, "/customer"),
    "only the customer's name": ({"customer": {"name": "A"}}, "/customer"),
    "phone no number": ({"customer": {"phone": "abc"}}, "/customer/phone"),
    "phone too short": ({"customer": {"phone": "12"}}, "/customer/phone"),
    "phone too long": ({"customer": {"phone": "+" + "1" * 40}}, "/customer/phone"),
    "phone a number": ({"customer": {"phone": 254700000001}}, "/customer/phone"),
    "phone with a NUL": ({"customer": {"phone": "+254700000001\x00"}}, "/customer/phone"),
    "email no address": ({"customer": {"email": "abc"}}, "/customer/email"),
    "email with a line end": ({"customer": {"email": "a@b.co\nBcc: x"}}, "/customer/email"),
    "email too long": ({"customer": {"email": "a" * 300 + "@b.co"}}, "/customer/email"),
    "name empty": ({"customer": {"name": ""}}, "/customer/name"),
    "name too long": ({"customer": {"name": "a" * 201}}, "/customer/name"),
    "customer_id empty": ({"customer_id": ""}, "/customer_id"),
    "customer_id too long": ({"customer_id": "a" * 201}, "/customer_id"),
    "unknown payment method": ({"provider": "narrow", "payment_method": "card"}, "/payment_method"),
    "metadata a list": ({"metadata": []}, "/metadata"),
    "metadata null": ({"metadata": None}, "/metadata"),
    "metadata with a number": ({"metadata": {"a": 1}}, "/metadata/a"),
    "metadata with 1e400": ({"metadata": {"a": 10**400}}, "/metadata/a"),
    "metadata nested": ({"metadata": {"a": {"b": "c"}}}, "/metadata/a"),
    "metadata null inside": ({"metadata": {"a": None}}, "/metadata/a"),
    "metadata with 51 keys": ({"metadata": {str(each): "x" for each in range(51)}}, "/metadata"),
    "metadata value too long": ({"metadata": {"a": "x" * 501}}, "/metadata/a"),
}


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_that_is_not_acceptable_is_named(api: ApiOnFakes, name: str) -> None:
    change, pointer = FIELDS[name]

    refused = problem(api.pay(ORDER | change), *INVALID)

    assert pointer in pointers(refused)
    _nothing_happened(api)


@pytest.mark.parametrize("key", ["", "a" * 41, "a\x00", "a\n\x1b", "\ud800"], ids=ascii)
def test_a_key_of_the_metadata_that_is_not_acceptable_is_named(api: ApiOnFakes, key: str) -> None:
    refused = problem(api.pay(ORDER | {"metadata": {key: "x"}}), *INVALID)

    assert all(pointer.startswith("/metadata/") for pointer in pointers(refused))
    _nothing_happened(api)


@pytest.mark.parametrize("name", ["provider", "amount", "currency", "customer"])
def test_a_field_that_is_missing_is_named(api: ApiOnFakes, name: str) -> None:
    order = {field: value for field, value in ORDER.items() if field != name}

    assert pointers(problem(api.pay(order), *INVALID)) == [f"/{name}"]
    _nothing_happened(api)


def test_everything_that_is_wrong_is_told_at_once(api: ApiOnFakes) -> None:
    order = ORDER | {"amount": 0, "currency": "x", "customer": {"phone": "x"}, "more": 1}

    refused = problem(api.pay(order), *INVALID)

    assert sorted(pointers(refused)) == ["/amount", "/currency", "/customer/phone", "/more"]


def test_a_value_that_was_refused_is_never_repeated(api: ApiOnFakes) -> None:
    order = ORDER | {
        "currency": "canary",
        "customer": {"email": "canary"},
        "amount": "canary",
        "customer_id": ["canary"],
    }

    assert b"canary" not in api.pay(order).data


STRINGS = {
    "NUL": "a\x00b",
    "lone high surrogate": "a\ud800b",
    "lone low surrogate": "a\udfffb",
    "bell": "a\x07b",
    "escape": "\x1b[31m",
    "backspace": "a\x08",
    "delete": "a\x7f",
    "form feed": "a\x0c",
}
PLACES = [
    "provider",
    "currency",
    "customer.phone",
    "customer.email",
    "customer.name",
    "customer_id",
    "payment_method",
    "metadata.k",
]


def _with(place: str, value: object) -> dict[str, Any]:
    outer, _, inner = place.partition(".")
    return ORDER | {outer: {inner: value} if inner else value}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", STRINGS)
def test_control_characters_are_refused_in_every_text(api: ApiOnFakes, place: str, name: str) -> None:
    refused = problem(api.pay(_with(place, STRINGS[name])), *INVALID)

    assert pointers(refused) == ["/" + place.replace(".", "/")]
    _nothing_happened(api)


@pytest.mark.parametrize("name", STRINGS)
def test_control_characters_are_refused_in_a_refunds_reason(paid: ApiOnFakes, name: str) -> None:
    (payment,) = paid.books.database.committed.transactions.values()

    refused = problem(paid.refund(payment.id, {"amount": 1, "reason": STRINGS[name]}), *INVALID)

    assert pointers(refused) == ["/reason"]


@pytest.mark.parametrize(
    "body", [{"amount": 1}, {"reason": "x"}, {"amount": 1, "reason": ""}, {"amount": 1, "reason": "x" * 201}]
)
def test_a_refund_needs_an_amount_and_a_reason(paid: ApiOnFakes, body: dict[str, Any]) -> None:
    (payment,) = paid.books.database.committed.transactions.values()

    assert pointers(problem(paid.refund(payment.id, body), *INVALID)) in (["/amount"], ["/reason"])


HARMLESS = [
    "O'Brien",
    "'; DROP TABLE x; --",
    "<script>",
    "{{7*7}}",
    "=cmd|' /C calc'!A0",
    "%00",
    "مرحبا",
    "a\u200db",
    "😀",
    "日本",
    "\u202eabc",
]


@pytest.mark.parametrize("text", HARMLESS, ids=ascii)
def test_text_that_is_only_strange_is_stored_as_it_is(text: str) -> None:
    own = ApiOnFakes()
    order = ORDER | {"customer": {"phone": "+254700000001", "name": text}, "metadata": {"k": text}}

    payment = own.pay(order).get_json()

    assert (payment["customer"]["name"], payment["metadata"]["k"]) == (text, text)


QUERIES = {
    "page=0": "page", "page=-1": "page", "page=x": "page", "page=1001": "page", "page=1e3": "page", "page=": "page",
    "limit=0": "limit", "limit=101": "limit", "limit=NaN": "limit", f"limit={'9' * 5000}": "limit",
    "status=paid": "status", "status=": "status", "after=x": "after", "before=7": "before", "after=": "after",
    "customer_id=%00": "customer_id", "provider=%07": "provider", "idempotency_key=%1b": "idempotency_key",
    "merchant_id=22222222-2222-4222-8222-222222222222": "merchant_id", "amount=1": "amount",
}  # fmt: skip


@pytest.mark.parametrize(("query", "pointer"), QUERIES.items(), ids=_short)
def test_a_query_that_is_not_acceptable_names_its_parameter(api: ApiOnFakes, query: str, pointer: str) -> None:
    assert pointers(problem(api.get(f"/payments?{query}"), *INVALID)) == [pointer]
