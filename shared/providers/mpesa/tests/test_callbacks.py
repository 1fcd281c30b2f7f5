"""Which callbacks are believed: by where they come from and where they come to, and nothing else."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.errors import WebhookRejected
from shared.provider_kit.provider import WebhookRequest
from shared.providers.mpesa.callback_paths import About, CallbackPaths, Purpose
from shared.providers.mpesa.config import FORBIDDEN_WORDS
from shared.providers.mpesa.reading import MAX_BODY_BYTES
from shared.providers.mpesa.tests.scripted import (
    CALLBACKS,
    FULL_REFUND,
    NEW_KEY,
    NOW,
    OLD_KEY,
    PAYMENT,
    PAYOUT,
    SENDER,
    SHORTCODE,
    Script,
    fixture,
    reply,
)

PAID = fixture("stk_callback_success")
OUR_ID = str(PAYMENT.transaction_id)


@pytest.fixture(scope="module")
def script() -> Script:
    """Has asked for one payment, and told where its callback goes."""
    script = Script(reply(fixture("stk_push_ack")))
    script.adapter.initialize_payment(PAYMENT)
    return script


@pytest.fixture(scope="module")
def path(script: Script) -> str:
    return script.path("CallBackURL")


def test_a_callback_to_the_address_that_was_given_is_believed_and_kept_without_the_token(
    script: Script, path: str
) -> None:
    verified = script.believed(path, PAID)

    assert verified.event_type == "stk"
    assert not verified.is_question
    assert path.rsplit(".", 1)[1] not in json.dumps(verified.payload)
    assert verified.payload["body"]
    assert script.adapter.answer_webhook(verified).body == fixture("callback_ack")


@pytest.mark.parametrize("sender", ["196.201.214.1", "::ffff:196.201.214.206", "2001:db8::17"])
def test_an_address_of_the_list_may_call(script: Script, path: str, sender: str) -> None:
    assert script.believed(path, PAID, sender).event_type == "stk"


@pytest.mark.parametrize("sender", [None, "", "196.201.213.1", "127.0.0.1", "::1", "unix:", "196.201.214.200, 1.2.3.4"])
def test_any_other_may_not(script: Script, path: str, sender: str | None) -> None:
    with pytest.raises(WebhookRejected, match="sender"):
        script.believed(path, PAID, sender)


def test_an_empty_list_lets_nobody_in(path: str) -> None:
    closed = Script(callback_addresses=[])

    with pytest.raises(WebhookRejected, match="sender"):
        closed.believed(path, PAID)


def test_another_path_is_refused_whatever_of_it_is_changed(script: Script, path: str) -> None:
    purpose, our_id, proof = path.split("/")
    amount, mark, token = proof.split(".")
    wrong = [
        "",
        "/",
        f"/{path}",
        f"{path}/",
        f"{path}/more",
        f"{purpose}/{our_id}",
        f"refund/{our_id}/{proof}",
        f"nothing/{our_id}/{proof}",
        f"{purpose}/{our_id}/{proof[:-1]}",
        f"{purpose}/{our_id}/{proof.upper()}",
        f"{purpose}/{our_id}/{amount}.{mark}.{'0' * 32}",
        f"{purpose}/{our_id}/{amount}.{mark}.",
        f"{purpose}/{our_id}/200.{mark}.{token}",
        f"{purpose}/{our_id}/0{amount}.{mark}.{token}",
        f"{purpose}/{our_id}/{amount}.{'0' * 16}.{token}",
        f"{purpose}/{our_id}/{amount}.{token}",
        f"{purpose}/{our_id}/{token}",
        f"{purpose}/{our_id[:-1]}0/{proof}",
        f"{purpose}/{our_id.upper()}/{proof}",
        f"{purpose}/{our_id}/{proof}\u0660",
    ]

    for one in wrong:
        with pytest.raises(WebhookRejected, match=r"path|token"):
            script.believed(one, PAID)


def test_of_another_payment_the_address_is_another() -> None:
    paths = CallbackPaths(CALLBACKS, [NEW_KEY.encode()])
    ids = [f"01980000-0000-7000-8000-{number:012d}" for number in range(50)]

    tokens = {paths.url(About(purpose=Purpose.STK, subject=one, amount_minor=100)).rsplit(".", 1)[1] for one in ids}

    assert len(tokens) == 50
    assert {len(token) for token in tokens} == {32}  # 128 bits


def test_no_address_ever_has_a_forbidden_word_or_a_phone_number() -> None:
    script = Script(reply(fixture("stk_push_ack")))
    for _ in range(3):
        script.adapter.initialize_payment(PAYMENT)
        script.adapter.refund_payment(FULL_REFUND)
        script.adapter.send_payout(PAYOUT)
    script.adapter.register_webhooks()

    urls = [value for number in range(len(script.posts)) for value in script.sent(number).values() if "://" in value]

    assert len(urls) == 3 * (1 + 2 + 2) + 2
    for url in urls:
        assert not [word for word in FORBIDDEN_WORDS if word in url.removeprefix(CALLBACKS).lower()]
        assert "708374149" not in url


def test_addresses_made_with_the_old_key_are_believed_while_it_is_kept_and_the_newest_makes_them(path: str) -> None:
    before, during, after = (Script(webhook_secrets=keys) for keys in ([OLD_KEY], [NEW_KEY, OLD_KEY], [NEW_KEY]))
    before.adapter.initialize_payment(PAYMENT)
    old = before.path("CallBackURL")

    assert during.heard(old, PAID) == before.heard(old, PAID)
    assert after.believed(path, PAID).event_type == "stk"
    assert old != path
    with pytest.raises(WebhookRejected, match="token"):
        after.believed(old, PAID)


def test_an_event_has_the_same_id_however_often_and_in_whatever_types_it_comes(script: Script, path: str) -> None:
    text = json.loads(json.dumps(PAID))
    text["Body"]["stkCallback"]["ResultCode"] = "0"

    ids = {script.believed(path, body).event_id for body in (PAID, text, PAID)}
    failed = script.believed(path, fixture("stk_callback_cancelled_1032")).event_id

    assert ids == {f"stk:{OUR_ID}:ws_CO_191220191020363925:0"}
    assert failed not in ids


def test_an_amount_is_kept_as_it_was_written_and_never_as_a_float(script: Script, path: str) -> None:
    body = b'{"Body": {"stkCallback": {"CheckoutRequestID": "x", "ResultCode": 0, "Amount": 1.10}}}'

    assert '"Amount": "1.10"' in json.dumps(script.believed(path, body).payload)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"17",
        b'"text"',
        b"{",
        b"{}",
        b"<html></html>",
        b"\xff\xfe{}",
        b'{"Body": null}',
        b'{"Body": {"stkCallback": []}}',
        b'{"Body": {"stkCallback": {"CheckoutRequestID": "x"}}}',
        b'{"Body": {"stkCallback": {"CheckoutRequestID": null, "ResultCode": 0}}}',
        b'{"Body": {"stkCallback": {"CheckoutRequestID": "", "ResultCode": 0}}}',
        b'{"Body": {"stkCallback": {"CheckoutRequestID": "x", "ResultCode": true}}}',
        b'{"Body": {"stkCallback": {"CheckoutRequestID": "x", "ResultCode": NaN}}}',
        b'{"Body": {"stkCallback": {"CheckoutRequestID": "x\\u0000", "ResultCode": 0}}}',
        b'{"Body": {"stkCallback": {"CheckoutRequestID": "x\\ud800", "ResultCode": 0}}}',
        b'{"Body": {"stkCallback": {"CheckoutRequestID": "' + b"x" * 101 + b'", "ResultCode": 0}}}',
        b'{"x": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        b'{"x": ' + b"9" * 5_000 + b"}",
        json.dumps({**PAID, "more": "x" * MAX_BODY_BYTES}).encode(),
    ],
    ids=lambda body: repr(body[:60]),
)
def test_what_is_no_result_of_a_prompt_is_refused(script: Script, path: str, body: bytes) -> None:
    with pytest.raises(WebhookRejected):
        script.believed(path, body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
VALUE = JSON | st.sampled_from(
    ["0", 0, "R000001", "Completed", "1.00", 1, "1e999", "-1", "AG_1", "ws_CO_1", "174379", "x" * 300]
)
PAIRS = st.lists(
    st.fixed_dictionaries(
        {}, optional={key: VALUE | st.sampled_from(["Amount", "TransactionStatus"]) for key in ("Key", "Name", "Value")}
    ),
    max_size=4,
)
IDS = dict.fromkeys(
    ("OriginatorConversationID", "ConversationID", "CheckoutRequestID", "TransID", "TransactionID"), VALUE
)
CODES = dict.fromkeys(
    ("ResultCode", "ResultDesc", "TransAmount", "BusinessShortCode", "BillRefNumber", "MSISDN", "TransTime"), VALUE
)
RESULT = st.fixed_dictionaries(
    {},
    optional={
        **IDS,
        **CODES,
        "ResultParameters": st.fixed_dictionaries({}, optional={"ResultParameter": PAIRS | VALUE}) | VALUE,
        "CallbackMetadata": st.fixed_dictionaries({}, optional={"Item": PAIRS | VALUE}) | VALUE,
    },
)
BODY = st.one_of(
    JSON,
    RESULT,
    st.fixed_dictionaries({"Result": RESULT | VALUE}),
    st.fixed_dictionaries({"Body": st.fixed_dictionaries({"stkCallback": RESULT | VALUE}) | VALUE}),
).map(lambda body: json.dumps(body).encode()) | st.binary(max_size=200)


@settings(max_examples=400, deadline=None)
@given(purpose=st.sampled_from(sorted(Purpose)), body=BODY)
def test_whatever_comes_to_a_genuine_address_is_believed_and_readable_or_refused(
    fuzzed: Script, purpose: Purpose, body: bytes
) -> None:
    is_till = purpose.value.startswith(("c2b", "balance", "pull"))
    subject, amount = (SHORTCODE, None) if is_till else (OUR_ID, 100)
    note = "41475f31" if purpose is Purpose.REVERSAL_STATUS else ""
    about = About(purpose=purpose, subject=subject, amount_minor=amount, note=note)
    path = CallbackPaths(CALLBACKS, [NEW_KEY.encode()]).url(about).removeprefix(f"{CALLBACKS}/")

    try:
        verified = fuzzed.believed(path, body)
    except WebhookRejected:
        return
    fuzzed.adapter.handle_webhook(json.loads(json.dumps(verified.payload)))
    assert fuzzed.adapter.answer_webhook(verified).body["ResultCode"] in {0, "0", "C2B00012", "C2B00013", "C2B00015"}


@settings(max_examples=300, deadline=None)
@given(
    path=st.text(max_size=60) | st.from_regex(r"(stk|c2b-check)/[0-9a-f-]{36}/([0-9]{1,9}\.)?[0-9a-f]{32}"),
    sender=st.none() | st.text(max_size=20) | st.just(SENDER),
    body=BODY,
)
def test_whatever_comes_to_any_other_address_is_refused(
    fuzzed: Script, path: str, sender: str | None, body: bytes
) -> None:
    request = WebhookRequest(headers={}, body=body, received_at=NOW, path=path, sender=sender)

    with pytest.raises(WebhookRejected):
        fuzzed.adapter.verify_webhook(request)


@pytest.fixture(scope="module")
def fuzzed() -> Script:
    return Script()
