"""Stripe's SDK makes, confirms, captures and cancels payments, and understands every no."""

import re
import urllib.request

import pytest
import stripe

from tests.unit.services.provider_simulator.stripe.served import PAYMENT, Served, answer_of


def inside(error: stripe.StripeError) -> stripe.PaymentIntent:
    """The payment that an error's body carries."""
    assert error.error is not None
    assert error.error.payment_intent is not None
    return error.error.payment_intent


def test_a_payment_is_made_and_taken_in_one_request(served: Served) -> None:
    intent = served.client().payment_intents.create({**PAYMENT, "expand": ["latest_charge.balance_transaction"]})

    charge = intent.latest_charge
    assert isinstance(charge, stripe.Charge)
    assert (intent.status, intent.amount_received, charge.amount_captured) == ("succeeded", 109_900, 109_900)
    assert answer_of(intent).headers["Request-Id"].startswith("req_")


def test_a_payment_is_made_first_and_confirmed_later(served: Served) -> None:
    client = served.client()
    made = client.payment_intents.create({"amount": 2000, "currency": "usd", "metadata": {"order": "7"}})

    confirmed = client.payment_intents.confirm(
        made.id, {"payment_method": "pm_card_mastercard", "return_url": "https://shop.example/back"}
    )

    assert (made.status, confirmed.status) == ("requires_payment_method", "succeeded")
    assert client.payment_intents.retrieve(made.id).metadata["order"] == "7"


def test_without_a_return_url_a_payment_that_may_redirect_is_not_confirmed(served: Served) -> None:
    client = served.client()

    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        client.payment_intents.create(
            {"amount": 2000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
        )

    assert client.payment_intents.list().data == []


@pytest.mark.parametrize(("amount", "received"), [(None, 109_900), (40_000, 40_000)])
def test_an_authorized_payment_is_captured(served: Served, amount: int | None, received: int) -> None:
    client = served.client()
    intent = client.payment_intents.create({**PAYMENT, "capture_method": "manual"})

    captured = client.payment_intents.capture(intent.id, {"amount_to_capture": amount} if amount else {})

    assert (intent.status, intent.amount_capturable) == ("requires_capture", 109_900)
    assert (captured.status, captured.amount_received, captured.amount_capturable) == ("succeeded", received, 0)


def test_more_than_was_authorized_is_not_captured(served: Served) -> None:
    client = served.client()
    intent = client.payment_intents.create({**PAYMENT, "capture_method": "manual"})

    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.payment_intents.capture(intent.id, {"amount_to_capture": 109_901})

    assert (caught.value.code, caught.value.param) == ("amount_too_large", "amount_to_capture")


def test_a_payment_is_captured_in_parts_where_that_was_agreed(served: Served) -> None:
    client = served.client()
    intent = client.payment_intents.create(
        {
            **PAYMENT,
            "capture_method": "manual",
            "payment_method_options": {"card": {"request_multicapture": "if_available"}},
        }
    )

    first = client.payment_intents.capture(intent.id, {"amount_to_capture": 40_000, "final_capture": False})
    last = client.payment_intents.capture(intent.id, {"amount_to_capture": 50_000})

    assert (first.status, first.amount_received, first.amount_capturable) == ("requires_capture", 40_000, 69_900)
    assert (last.status, last.amount_received, last.amount_capturable) == ("succeeded", 90_000, 0)


def test_a_part_that_was_not_agreed_is_refused(served: Served) -> None:
    client = served.client()
    intent = client.payment_intents.create({**PAYMENT, "capture_method": "manual"})

    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.payment_intents.capture(intent.id, {"amount_to_capture": 1000, "final_capture": False})

    assert caught.value.param == "final_capture"


def test_an_authorization_is_cancelled_once(served: Served) -> None:
    client = served.client()
    intent = client.payment_intents.create({**PAYMENT, "capture_method": "manual"})

    canceled = client.payment_intents.cancel(intent.id, {"cancellation_reason": "requested_by_customer"})

    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "requested_by_customer")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.payment_intents.cancel(intent.id)
    assert caught.value.code == "payment_intent_unexpected_state"
    assert inside(caught.value).status == "canceled"


@pytest.mark.parametrize("verb", ["cancel", "capture", "confirm"])
def test_what_has_succeeded_stays_so(served: Served, verb: str) -> None:
    client = served.client()
    intent = client.payment_intents.create(PAYMENT)

    with pytest.raises(stripe.InvalidRequestError) as caught:
        getattr(client.payment_intents, verb)(intent.id)

    assert (caught.value.http_status, caught.value.code) == (400, "payment_intent_unexpected_state")


@pytest.mark.parametrize(
    ("method", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
        ("pm_card_chargeCustomerFail", "card_declined", "generic_decline"),
    ],
)
def test_a_declined_card_names_its_payment_and_its_reason(
    served: Served, method: str, code: str, decline_code: str
) -> None:
    client = served.client()

    with pytest.raises(stripe.CardError) as caught:
        client.payment_intents.create({**PAYMENT, "payment_method": method})

    error = caught.value.error
    assert error is not None
    assert (caught.value.http_status, caught.value.code, error.decline_code) == (402, code, decline_code)
    kept = client.payment_intents.retrieve(inside(caught.value).id)
    assert (kept.status, kept.payment_method) == ("requires_payment_method", None)
    assert kept.last_payment_error is not None
    assert kept.last_payment_error.charge == kept.latest_charge == error.charge


def test_a_declined_payment_is_tried_again_with_another_card(served: Served) -> None:
    client = served.client()
    with pytest.raises(stripe.CardError) as caught:
        client.payment_intents.create({**PAYMENT, "payment_method": "pm_card_chargeDeclined"})

    intent = client.payment_intents.confirm(inside(caught.value).id, {"payment_method": "pm_card_visa"})

    assert (intent.status, intent.last_payment_error) == ("succeeded", None)
    assert [charge.status for charge in client.charges.list({"payment_intent": intent.id})] == ["succeeded", "failed"]


@pytest.mark.parametrize(
    ("link", "redirect", "status"),
    [("Complete", "succeeded", "succeeded"), ("Fail", "failed", "requires_payment_method")],
)
def test_the_customer_authenticates_on_a_page_and_comes_back(
    served: Served, link: str, redirect: str, status: str
) -> None:
    client = served.client()
    back = f"{served.url}/hooks/back"
    intent = client.payment_intents.create(
        {
            "amount": 2000,
            "currency": "usd",
            "payment_method": "pm_card_threeDSecure2Required",
            "confirm": True,
            "return_url": back,
        }
    )
    assert intent.status == "requires_action"
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    address = str(intent.next_action.redirect_to_url.url)

    page = urllib.request.urlopen(address, timeout=10).read().decode()
    match = re.search(rf'href="([^"]+)">{link}<', page)
    assert match is not None
    with pytest.raises(urllib.error.HTTPError) as caught:  # nobody lives where it leads
        urllib.request.urlopen(address.partition("?")[0] + match[1].replace("&amp;", "&"), timeout=10)
    caught.value.close()

    assert caught.value.url.startswith(back)
    assert f"redirect_status={redirect}" in caught.value.url
    assert client.payment_intents.retrieve(intent.id).status == status


def test_a_customer_who_is_away_cannot_authenticate(served: Served) -> None:
    with pytest.raises(stripe.CardError) as caught:
        served.client().payment_intents.create(
            {**PAYMENT, "payment_method": "pm_card_authenticationRequired", "off_session": True}
        )

    assert caught.value.code == "authentication_required"


def test_a_wrong_key_is_an_authentication_error(served: Served) -> None:
    with pytest.raises(stripe.AuthenticationError) as caught:
        served.client("sk_test_somebody_elses").payment_intents.list()

    assert "somebody" not in str(caught.value)
    assert caught.value.http_status == 401


def test_a_restricted_key_is_a_permission_error(served: Served) -> None:
    with pytest.raises(stripe.PermissionError):
        served.client("rk_test_restricted1").payment_intents.list()


def test_what_is_not_there_is_resource_missing(served: Served) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        served.client().payment_intents.retrieve("pi_nobodys")

    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")
