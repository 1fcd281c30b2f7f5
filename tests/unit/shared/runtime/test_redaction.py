"""What must not be kept is hidden; what looks like it and is ours stays."""

import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.identifiers import new_id
from shared.runtime.redaction import HIDDEN, mask_phone, redact, redact_event

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"

SECRET_NAMES = [
    "password", "Password", "passwd", "user_password", "secret", "api_secret", "client_secret", "webhook_secrets",
    "JWT_SECRET_KEY", "api_key", "apiKey", "apikey", "API_KEY", "token", "access_token", "client_token",
    "authorization", "Authorization", "signature", "webhook-signature", "credential", "credentials", "cookie",
    "Set-Cookie", "pin", "card_pin", "cvc", "cvv", "CVV2", "passkey",
]  # fmt: skip
ORDINARY_NAMES = ["idempotency_key", "api_key_id", "tokens_left", "pinned", "shipping", "spin", "keyboard", "monkey"]


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_secrets_name_hides_its_value(name: str) -> None:
    assert redact({name: "canary-7f3a"}) == {name: HIDDEN}


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_secrets_name_hides_values_of_every_kind_at_every_depth(name: str) -> None:
    given = {"outer": [{name: ["canary-7f3a", 73]}], name: b"canary-7f3a"}

    assert "canary" not in json.dumps(redact(given))
    assert "73" not in json.dumps(redact(given))


@pytest.mark.parametrize("name", ORDINARY_NAMES)
def test_ordinary_names_hide_nothing(name: str) -> None:
    assert redact({name: "plain"}) == {name: "plain"}


@pytest.mark.parametrize(
    "text",
    [
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "cpk_test_0123456789abcdef0123456789abcdef",
        "cpk_live_0123456789abcdef0123456789abcdef",
        "gws_4kq-Xz_91abcdefgh",
        "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
        "rk_test_4eC39HqLyjWDarjtT1zdp7dc",
        JWT,
        f"Bearer {JWT}",
        "Bearer abcdefghij0123456789",
    ],
)
@pytest.mark.parametrize("around", ["{}", "before {} after", "key={}", '"{}"'])
def test_a_secret_is_recognised_by_its_form_wherever_it_stands(text: str, around: str) -> None:
    assert text not in str(redact(around.format(text)))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://gateway:canary@db:5432/gateway", "postgresql://gateway:[hidden]@db:5432/gateway"),
        ("amqp://user:p%40ss@broker/vhost", "amqp://user:[hidden]@broker/vhost"),
        ("redis://:canary@cache:6379/0", "redis://:[hidden]@cache:6379/0"),
        ("could not reach https://a:b@c.example/x twice", "could not reach https://a:[hidden]@c.example/x twice"),
        ("https://c.example:8443/x", "https://c.example:8443/x"),
        ("https://c.example/x?at=12:30@home", "https://c.example/x?at=12:30@home"),
    ],
)
def test_passwords_in_urls_are_hidden_and_the_rest_of_the_url_stays(url: str, expected: str) -> None:
    assert redact(url) == expected


CARDS = [
    "4111111111111111", "4242424242424242", "5555555555554444", "2223003122003222", "378282246310005",
    "6011111111111117", "30569309025904", "3530111333300000", "6200000000000005", "4222222222222",
]  # fmt: skip


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("around", ["{}", "card {} declined", "({})", "no:{}.", '"{}"'])
def test_a_card_number_is_hidden(card: str, around: str) -> None:
    assert redact(around.format(card)) == around.format(HIDDEN)


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("separator", [" ", "-"])
def test_a_card_number_in_groups_is_hidden(card: str, separator: str) -> None:
    grouped = separator.join(card[each : each + 4] for each in range(0, len(card), 4))

    assert redact(f"card {grouped} declined") == f"card {HIDDEN} declined"


@pytest.mark.parametrize("card", CARDS)
def test_with_one_digit_changed_it_is_no_card_number(card: str) -> None:
    changed = card[:-1] + str((int(card[-1]) + 1) % 10)

    assert redact(changed) == changed


@pytest.mark.parametrize(
    ("phone", "masked"),
    [
        ("+254700000001", "+254…001"),
        ("call +254700000001 now", "call +254…001 now"),
        ("+14155552671,", "+141…671,"),
    ],
)
def test_a_phone_number_is_masked_wherever_it_stands(phone: str, masked: str) -> None:
    assert redact(phone) == masked


@pytest.mark.parametrize("name", ["phone", "customer_phone", "PhoneNumber", "msisdn", "MSISDN", "PartyA", "party_a"])
@pytest.mark.parametrize("phone", ["+254700000001", "0700000001", "254700000001"])
def test_under_a_phones_name_any_form_is_masked(name: str, phone: str) -> None:
    masked = redact({name: phone})

    assert masked == {name: mask_phone(phone)}
    assert phone not in str(masked)


def test_a_number_too_short_to_mask_is_hidden_whole() -> None:
    assert mask_phone("0700001") == HIDDEN


@pytest.mark.parametrize(
    "text",
    [
        "ORDER-12345",
        "INV-2026-000123",
        "ws_CO_191220191020363925",
        "evt_01HZX3V7Q8",
        "cpay_pay_000000000001",
        "2026-01-15T12:00:00.000Z",
        "payment.completed",
        "10.50",
        "1000",
        "NLJ7RT61SV",
        "192.168.100.100",
        "",
        "Käse für 12 €",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert redact(text) == text


@given(st.uuids())
def test_a_uuid_is_never_taken_for_a_card_number(value: UUID) -> None:
    assert redact(f"transaction {value} done") == f"transaction {value} done"


def test_our_own_ids_are_never_taken_for_card_numbers() -> None:
    ids = [str(new_id()) for _ in range(500)]

    assert redact(ids) == ids


def test_numbers_flags_and_nothing_stay_as_they_are() -> None:
    given = {"amount_minor": 4111, "is_active": True, "next": None, "has_password": True, "ratio": 0.5}

    assert redact(given) == given


def test_shapes_and_keys_stay() -> None:
    given = {"a": [{"b": ("x", "y")}], 7: {"c": b"\xff"}}

    assert redact(given) == {"a": [{"b": ["x", "y"]}], "7": {"c": "\ufffd"}}


def test_redacting_twice_changes_nothing_more() -> None:
    once = redact({"password": "x", "text": f"Bearer {JWT} 4111111111111111 +254700000001 a://b:c@d"})

    assert redact(once) == once


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_nothing_makes_redaction_fail(value: object) -> None:
    redact({"value": value})


def test_every_field_of_a_log_line_is_redacted() -> None:
    line = redact_event(None, "info", {"event": f"got {JWT}", "password": "x", "customer": {"phone": "+254700000001"}})

    assert line == {"event": f"got {HIDDEN}", "password": HIDDEN, "customer": {"phone": "+254…001"}}
