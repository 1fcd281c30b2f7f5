"""A body that is not one clean JSON object of an acceptable size is refused before anything looks at its fields."""

import json

import pytest

from tests.fakes.api import INITIALIZE, ORDER, ApiOnFakes, pointers, problem

MALFORMED, INVALID = (400, "body_malformed"), (422, "validation_failed")


@pytest.fixture(scope="module")
def shared_api() -> ApiOnFakes:
    return ApiOnFakes()


@pytest.fixture
def api(shared_api: ApiOnFakes) -> ApiOnFakes:
    """One application for all cases: nothing may have been stored by the one before."""
    assert shared_api.stored == 0
    return shared_api


def _nothing_happened(api: ApiOnFakes) -> None:
    assert (api.stored, api.books.handed_over, api.cache.kept) == (0, [], {})


BODIES: dict[str, bytes] = {
    "space": b" ",
    "no JSON": b"amount=1",
    "cut off": b'{"provider":',
    "an array": json.dumps([ORDER]).encode(),
    "text": b'"x"',
    "a number": b"7",
    "null": b"null",
    "true": b"true",
    "two documents": b"{}{}",
    "trailing comma": b'{"a":1,}',
    "a comment": b'{"a":1/*x*/}',
    "a key twice": json.dumps(ORDER).encode()[:-1] + b',"amount":1}',
    "a key twice further in": json.dumps(ORDER).replace("{", '{"phone":1,', 2).replace('{"phone":1,', "{", 1).encode(),
    "UTF-16": json.dumps(ORDER).encode("utf-16"),
    "UTF-16 without a mark": json.dumps(ORDER).encode("utf-16-le"),
    "UTF-32": json.dumps(ORDER).encode("utf-32"),
    "latin-1": '{"provider":"é"}'.encode("latin-1"),
    "byte order mark": b"\xef\xbb\xbf" + json.dumps(ORDER).encode(),
    "NUL bytes": b"\x00" * 10,
    "nested 30k deep": b"[" * 30_000,
    "nested 30k deep, closed": b"[" * 30_000 + b"]" * 30_000,
    "objects 10k deep": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
}


@pytest.mark.parametrize("url", [INITIALIZE, "/api/v1/auth/token"])
@pytest.mark.parametrize("name", BODIES)
def test_what_is_not_one_json_object_is_refused(api: ApiOnFakes, name: str, url: str) -> None:
    refused = problem(api.post(url, BODIES[name]), *MALFORMED)

    assert pointers(refused) == [""]
    _nothing_happened(api)


def test_a_missing_body_is_refused(api: ApiOnFakes) -> None:
    none = {"CONTENT_LENGTH": "0"}

    response = api.client.post(INITIALIZE, headers=api.headers(), environ_overrides=none)

    assert pointers(problem(response, *MALFORMED)) == [""]
    _nothing_happened(api)


@pytest.mark.parametrize("name", ["JSON deep inside a value", "a list of 20k"])
def test_a_deep_or_long_value_in_a_known_field_is_only_invalid(api: ApiOnFakes, name: str) -> None:
    value = "[" * 500 + "]" * 500 if name.startswith("JSON") else "[" + "1," * 20_000 + "1]"
    body = json.dumps(ORDER | {"customer_id": "@"}).replace('"@"', value).encode()

    assert pointers(problem(api.pay(body), *INVALID)) == ["/customer_id"]


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "text/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
     "application/xml", "application/json-patch+json", "application/vnd.api+json"],
)  # fmt: skip
def test_only_json_is_taken(api: ApiOnFakes, content_type: str) -> None:
    problem(api.pay(Content_Type=content_type), 415, "unsupported_media_type")

    _nothing_happened(api)


def test_a_body_without_a_content_type_is_refused(api: ApiOnFakes) -> None:
    problem(api.pay(Content_Type=None), 415, "unsupported_media_type")


def test_a_chunked_body_is_refused(api: ApiOnFakes) -> None:
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": "", "wsgi.input_terminated": True}

    response = api.client.post(INITIALIZE, data=b"{}", headers=api.headers(), environ_overrides=chunked)

    problem(response, 411, "length_required")
    _nothing_happened(api)


@pytest.mark.parametrize("size", [65_537, 10**6])
def test_a_body_above_64_kib_is_refused(api: ApiOnFakes, size: int) -> None:
    problem(api.pay(json.dumps(ORDER).encode().ljust(size)), 413, "body_too_large")

    _nothing_happened(api)


def test_a_body_that_says_to_be_too_large_is_not_read(api: ApiOnFakes) -> None:
    response = api.client.post(
        INITIALIZE, data=b"{}", headers=api.headers(), environ_overrides={"CONTENT_LENGTH": str(10**12)}
    )

    problem(response, 413, "body_too_large")


def test_a_body_of_exactly_64_kib_is_read() -> None:
    assert ApiOnFakes().pay(json.dumps(ORDER).encode().ljust(65_536)).status_code == 202
