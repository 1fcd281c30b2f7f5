"""What the adapter sends for a payment, and what it believes of an answer."""

from collections.abc import Callable
from dataclasses import replace

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.money import Money
from shared.domain.outcome import Authorized, Declined, InDoubt, Outcome, Pending, Succeeded
from shared.domain.transaction import CaptureMethod
from shared.provider_kit.provider import ChecksCredentials, GivesStatements, TakesCancellations, TakesCaptures
from shared.providers.stripe.adapter import Stripe
from shared.providers.stripe.tests.played import (
    CANCEL,
    CAPTURE,
    CLIENT_SECRET,
    KNOWN_PAYMENT,
    KNOWN_REFUND,
    LOST_CAPTURE,
    LOST_PAYMENT,
    LOST_REFUND,
    PAID,
    PAYMENT,
    PAYMENT_ID,
    PUBLISHABLE_KEY,
    REFUND,
    Handler,
    Json,
    browser_intent,
    error,
    fails,
    intent,
    listed,
    playing,
    refund,
    says,
)


def test_it_offers_what_its_capabilities_say() -> None:
    adapter, _ = playing(says(intent()))

    for offered in (TakesCaptures, TakesCancellations, GivesStatements, ChecksCredentials):
        assert isinstance(adapter, offered)


def test_a_payment_with_a_token_is_created_and_confirmed_at_once() -> None:
    adapter, stripe = playing(says(intent()))

    outcome = adapter.initialize_payment(PAYMENT)

    assert isinstance(outcome, Succeeded)
    assert (outcome.reference, outcome.captured) == ("pi_1", None)
    assert (stripe.asked[0].method, stripe.asked[0].path) == ("POST", "/v1/payment_intents")
    assert stripe.asked[0].fields == {
        "amount": "10000",
        "currency": "kes",
        "capture_method": "automatic",
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "never",
        "payment_method": "pm_card_visa",
        "confirm": "true",
        "metadata[order]": "17",
        "metadata[gateway_payment_id]": str(PAYMENT_ID),
        "metadata[gateway_confirmation]": "merchant",
    }
    assert stripe.asked[0].headers["idempotency-key"] == PAYMENT.idempotency_key


def test_a_payment_without_a_token_waits_for_the_customers_browser() -> None:
    adapter, stripe = playing(says(browser_intent("requires_payment_method")))

    outcome = adapter.initialize_payment(replace(PAYMENT, payment_method_token=None))

    assert outcome == Pending(
        reference="pi_1",
        next_action={
            "type": "confirm_in_browser",
            "client_secret": CLIENT_SECRET,
            "publishable_key": PUBLISHABLE_KEY,
        },
        answer=getattr(outcome, "answer", {}),
    )
    assert "confirm" not in stripe.asked[0].fields
    assert stripe.asked[0].fields["metadata[gateway_confirmation]"] == "browser"


@pytest.mark.parametrize(
    ("token", "return_url", "sent"),
    [
        (
            "pm_1",
            "https://shop.test/back",
            {"automatic_payment_methods[allow_redirects]": "always", "return_url": "https://shop.test/back"},
        ),
        (None, "https://shop.test/back", {"automatic_payment_methods[allow_redirects]": "always"}),
        ("ctoken_1", None, {"confirmation_token": "ctoken_1", "confirm": "true"}),
    ],
)
def test_what_a_payment_brings_decides_how_it_is_confirmed(
    token: str | None, return_url: str | None, sent: dict[str, str]
) -> None:
    adapter, stripe = playing(says(intent()))

    adapter.initialize_payment(replace(PAYMENT, payment_method_token=token, return_url=return_url))

    fields = stripe.asked[0].fields
    assert sent.items() <= fields.items()
    assert ("return_url" in fields) is ("return_url" in sent)
    assert not {"payment_method", "confirmation_token"} <= fields.keys()


def test_a_manual_payment_is_authorized_only() -> None:
    adapter, stripe = playing(says(intent("requires_capture", capture_method="manual")))

    outcome = adapter.initialize_payment(replace(PAYMENT, capture_method=CaptureMethod.MANUAL))

    assert isinstance(outcome, Authorized)
    assert stripe.asked[0].fields["capture_method"] == "manual"
    assert not any("multicapture" in name for name in stripe.asked[0].fields)


def test_several_captures_are_asked_for_where_they_are_configured() -> None:
    adapter, stripe = playing(says(intent("requires_capture")), multicapture=True)

    adapter.initialize_payment(replace(PAYMENT, capture_method=CaptureMethod.MANUAL))

    assert stripe.asked[0].fields["payment_method_options[card][request_multicapture]"] == "if_available"


def test_the_merchants_metadata_is_sent_as_far_as_stripe_keeps_it_and_never_replaces_ours() -> None:
    metadata = {
        "gateway_payment_id": "forged",
        "capture_01980000000070008000000000000003": "10000",
        "with[brackets]": "x",
        "long": "x" * 501,
        **{f"name{number}": "text" for number in range(50)},
    }
    adapter, stripe = playing(says(intent()))

    adapter.initialize_payment(replace(PAYMENT, metadata=metadata))

    sent = {name for name in stripe.asked[0].fields if name.startswith("metadata")}
    assert stripe.asked[0].fields["metadata[gateway_payment_id]"] == str(PAYMENT_ID)
    assert len(sent) == 32
    assert not any("capture" in name or "long" in name or "brackets" in name for name in sent)


@pytest.mark.parametrize("amount", [Money(5_124, "KWD"), Money(100_000_000, "KES"), Money(100, "CLF")], ids=str)
def test_an_amount_that_does_not_fit_is_refused_unsent(amount: Money) -> None:
    adapter, stripe = playing(says(intent()))
    paid = replace(PAID, amount=amount)

    outcomes = [
        adapter.initialize_payment(replace(PAYMENT, amount=amount)),
        adapter.refund_payment(replace(REFUND, amount=amount, payment=paid)),
        adapter.capture_payment(replace(CAPTURE, amount=amount)),
    ]

    codes = [outcome.code for outcome in outcomes if isinstance(outcome, Declined)]
    assert codes == ["provider_refused", "refund_not_possible", "capture_not_possible"]
    assert stripe.asked == []


def test_a_payment_in_ugandan_shillings_is_sent_with_two_decimals_and_recognised() -> None:
    adapter, stripe = playing(says(intent(amount=500_000, amount_received=500_000, currency="ugx")))

    outcome = adapter.initialize_payment(replace(PAYMENT, amount=Money(5_000, "UGX")))

    assert isinstance(outcome, Succeeded)
    assert stripe.asked[0].fields["amount"] == "500000"


def test_an_answers_request_id_is_kept_for_stripes_support() -> None:
    paid = playing(says(intent(), request_id="req_1"))[0].initialize_payment(PAYMENT)
    refused = playing(says(error("parameter_missing"), 400, request_id="req_2"))[0].initialize_payment(PAYMENT)

    assert [getattr(outcome, "answer", {})["request_id"] for outcome in (paid, refused)] == ["req_1", "req_2"]


OTHERS: list[Json] = [
    intent(amount=10_001),
    intent(currency="usd"),
    intent(currency="xyz"),
    intent(metadata={"gateway_payment_id": "another"}),
    intent(currency="ugx", amount=550),
]


@pytest.mark.parametrize("body", OTHERS)
@pytest.mark.parametrize(
    "ask",
    [
        lambda adapter: adapter.initialize_payment(PAYMENT),
        lambda adapter: adapter.verify_payment(KNOWN_PAYMENT),
        lambda adapter: adapter.cancel_payment(CANCEL),
    ],
)
def test_an_answer_about_another_payment_is_not_believed(body: Json, ask: Callable[[Stripe], Outcome]) -> None:
    adapter, _ = playing(says({**body, "status": "succeeded"}))

    assert isinstance(ask(adapter), InDoubt)


def test_another_intent_than_the_one_asked_for_is_not_believed() -> None:
    assert isinstance(playing(says(intent(id="pi_2")))[0].verify_payment(KNOWN_PAYMENT), InDoubt)


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b'{"object": "payment_intent"}', b'{"object": "refund", "id": "re_1"}', b"<html>"],
)
@pytest.mark.parametrize(
    "ask",
    [
        lambda adapter: adapter.initialize_payment(PAYMENT),
        lambda adapter: adapter.verify_payment(KNOWN_PAYMENT),
        lambda adapter: adapter.verify_payment(LOST_PAYMENT),
        lambda adapter: adapter.refund_payment(REFUND),
        lambda adapter: adapter.verify_refund(KNOWN_REFUND),
        lambda adapter: adapter.verify_refund(LOST_REFUND),
        lambda adapter: adapter.capture_payment(CAPTURE),
        lambda adapter: adapter.verify_capture(LOST_CAPTURE),
        lambda adapter: adapter.cancel_payment(CANCEL),
    ],
)
def test_an_answer_that_cannot_be_read_leaves_it_in_doubt(body: bytes, ask: Callable[[Stripe], Outcome]) -> None:
    assert isinstance(ask(playing(says(body))[0]), InDoubt)


@pytest.mark.parametrize("failure", [httpx2.ConnectError, httpx2.ReadTimeout])
def test_a_query_that_does_not_get_through_proves_nothing(failure: type[httpx2.TransportError]) -> None:
    adapter, _ = playing(fails(failure))

    for query in (KNOWN_PAYMENT, LOST_PAYMENT):
        assert isinstance(adapter.verify_payment(query), InDoubt)
    for refund_query in (KNOWN_REFUND, LOST_REFUND):
        assert isinstance(adapter.verify_refund(refund_query), InDoubt)
    assert isinstance(adapter.verify_capture(LOST_CAPTURE), InDoubt)


def test_an_expanded_reference_is_read_as_its_id() -> None:
    adapter, _ = playing(says(refund(payment_intent={"id": "pi_1", "object": "payment_intent"})))

    assert isinstance(adapter.refund_payment(REFUND), Succeeded)


@pytest.mark.parametrize("reference", ["../balance", "pi_1?expand[]=x", "pi_1/cancel", "a b"])
def test_no_reference_leads_to_another_address(reference: str) -> None:
    adapter, stripe = playing(says(intent()))

    adapter.verify_payment(replace(KNOWN_PAYMENT, reference=reference))

    assert all(asked.path.startswith("/v1/payment_intents/") and not asked.fields for asked in stripe.asked)


@pytest.mark.parametrize(
    ("answers", "accepted"),
    [
        ([says({"object": "balance", "available": []})], True),
        ([says(error(), 401)], False),
        ([says(error(), 403), says(listed())], True),
        ([says(error(), 403), says(error(), 403)], False),
        ([says(error(), 500)], None),
        ([says(error("rate_limit"), 429)], None),
        ([fails(httpx2.ConnectError)], None),
        ([says(b"<html>")], None),
    ],
)
def test_the_credentials_are_checked_without_effect(
    answers: list[Handler],
    accepted: bool | None,  # noqa: FBT001 - a table
) -> None:
    adapter, stripe = playing(*answers)

    assert adapter.check_credentials().accepted is accepted
    assert {asked.method for asked in stripe.asked} == {"GET"}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["payment_intent", "list", "usd"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["object", "data", "error", "id", "metadata", "amount", "charges", "type", "payment_intent"]
            )
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=30, deadline=None)
@given(body=JSON, name=st.sampled_from(sorted(intent())), status=st.sampled_from([200, 400, 402, 404, 409, 500]))
def test_no_answer_whatever_its_shape_makes_the_adapter_raise_or_succeed(body: object, name: str, status: int) -> None:
    shapes = [body, {"error": body}, listed({**intent("processing"), name: body})]
    for shape in shapes:
        adapter, _ = playing(says(shape, status))
        for outcome in (
            adapter.initialize_payment(PAYMENT),
            adapter.verify_payment(LOST_PAYMENT),
            adapter.refund_payment(REFUND),
            adapter.capture_payment(CAPTURE),
            adapter.cancel_payment(CANCEL),
        ):
            assert not isinstance(outcome, Succeeded | Authorized)
