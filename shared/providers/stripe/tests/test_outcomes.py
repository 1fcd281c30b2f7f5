"""The tables: what Stripe's statuses, codes and errors come to."""

import pytest

from shared.domain.failure import FailureCode
from shared.domain.money import Money
from shared.domain.outcome import Authorized, Declined, InDoubt, NotSent, Outcome, Pending, Succeeded
from shared.providers.stripe.outcomes import outcome_of_charge, outcome_of_intent, outcome_of_refund
from shared.providers.stripe.tests.played import (
    CANCEL,
    CAPTURE,
    CLIENT_SECRET,
    KNOWN_PAYMENT,
    KNOWN_REFUND,
    PAYMENT,
    PUBLISHABLE_KEY,
    REFUND,
    Json,
    browser_intent,
    charge,
    error,
    intent,
    playing,
    refund,
    says,
)
from shared.providers.stripe.wire import Charge, Intent, Refund

FAILED = {"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds", "message": "Too little."}
BROWSER_ACTION = {"client_secret": CLIENT_SECRET, "publishable_key": PUBLISHABLE_KEY}


def of_intent(body: Json) -> Outcome:
    return outcome_of_intent(Intent.model_validate(body), PUBLISHABLE_KEY)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (intent("succeeded"), Succeeded),
        (intent("requires_capture"), Authorized),
        (intent("processing"), Pending),
        (intent("canceled"), Declined),
        (intent("under_review"), Pending),
        (intent("Succeeded"), Pending),
        (intent("requires_payment_method"), Pending),
        (intent("requires_payment_method", last_payment_error=FAILED), Declined),
        (browser_intent("requires_payment_method", last_payment_error=FAILED), Pending),
        (intent("requires_payment_method", last_payment_error=FAILED, metadata=None), Pending),
        (intent("requires_source", last_payment_error=FAILED), Declined),
        (intent("requires_source_action"), Pending),
    ],
    ids=lambda part: str(part.get("status")) if isinstance(part, dict) else part.__name__,
)
def test_an_intents_status_says_what_it_came_to(body: Json, expected: type[Outcome]) -> None:
    assert isinstance(of_intent(body), expected)


@pytest.mark.parametrize(
    ("status", "action", "told"),
    [
        ("requires_payment_method", None, {"type": "confirm_in_browser", **BROWSER_ACTION}),
        ("requires_confirmation", None, {"type": "confirm_in_browser", **BROWSER_ACTION}),
        (
            "requires_action",
            {"type": "redirect_to_url", "redirect_to_url": {"url": "https://bank.test/3ds", "return_url": "https://a"}},
            {"type": "redirect", "url": "https://bank.test/3ds"},
        ),
        ("requires_action", {"type": "use_stripe_sdk"}, {"type": "use_stripe_sdk", **BROWSER_ACTION}),
        ("requires_action", {"type": "of_tomorrow"}, {"type": "use_stripe_sdk", **BROWSER_ACTION}),
        ("requires_action", None, {"type": "use_stripe_sdk", **BROWSER_ACTION}),
        ("processing", None, None),
    ],
)
def test_the_customer_is_told_what_to_do(status: str, action: Json | None, told: Json | None) -> None:
    outcome = of_intent(browser_intent(status, next_action=action))

    assert isinstance(outcome, Pending)
    assert outcome.next_action == told
    assert CLIENT_SECRET not in repr(outcome.answer)
    assert not {"client_secret", "next_action"} & outcome.answer.keys()


def test_without_its_secret_a_browser_is_told_nothing() -> None:
    outcome = of_intent(browser_intent("requires_payment_method", client_secret=None))

    assert isinstance(outcome, Pending)
    assert outcome.next_action is None


@pytest.mark.parametrize(
    ("received", "captured"),
    [(10_000, None), (4_000, Money(4_000, "KES")), (None, None), (0, Money(0, "KES"))],
)
def test_a_success_says_how_much_was_taken_where_it_is_not_all(received: int | None, captured: Money | None) -> None:
    outcome = of_intent(intent("succeeded", amount_received=received, capture_method="manual"))

    assert isinstance(outcome, Succeeded)
    assert outcome.captured == captured


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("abandoned", FailureCode.CANCELLED_BY_CUSTOMER),
        ("requested_by_customer", FailureCode.CANCELLED_BY_CUSTOMER),
        ("automatic", FailureCode.EXPIRED),
        ("duplicate", FailureCode.CANCELLED_BY_MERCHANT),
        (None, FailureCode.CANCELLED_BY_MERCHANT),
        ("moon", FailureCode.PROVIDER_REFUSED),
    ],
)
def test_a_cancelled_intent_says_on_whose_wish(reason: str | None, code: FailureCode) -> None:
    outcome = of_intent(intent("canceled", cancellation_reason=reason))

    assert isinstance(outcome, Declined)
    assert (outcome.code, outcome.reference) == (code, "pi_1")


def test_what_was_taken_before_a_cancellation_stays_taken() -> None:
    outcome = of_intent(intent("canceled", amount_received=4_000))

    assert isinstance(outcome, Succeeded)
    assert outcome.captured == Money(4_000, "KES")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (charge(), Succeeded(reference="pi_1")),
        (charge(captured=False, amount_captured=0), Authorized(reference="pi_1")),
        (charge(captured=False, refunded=True), None),
        (charge(status="pending", captured=False), Pending(reference="pi_1")),
        (charge(status="failed", captured=False), None),
        (charge(status="of_tomorrow"), None),
        (charge(amount_captured=4_000), Succeeded(reference="pi_1", captured=Money(4_000, "KES"))),
    ],
)
def test_a_charge_says_what_is_true_of_its_intent(body: Json, expected: Outcome | None) -> None:
    outcome = outcome_of_charge(Charge.model_validate(body), "pi_1", may_go_on=False)

    assert type(outcome) is type(expected)
    assert getattr(outcome, "captured", None) == getattr(expected, "captured", None)


def test_where_more_captures_may_follow_a_part_does_not_end_the_payment() -> None:
    assert outcome_of_charge(Charge.model_validate(charge(amount_captured=4_000)), "pi_1", may_go_on=True) is None


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        ("succeeded", None, Succeeded),
        ("pending", None, Pending),
        ("requires_action", None, Pending),
        ("of_tomorrow", None, Pending),
        (None, None, Pending),
        ("failed", "expired_or_canceled_card", FailureCode.INVALID_ACCOUNT),
        ("failed", "insufficient_funds", FailureCode.REFUND_NOT_POSSIBLE),
        ("failed", "unknown", FailureCode.PROVIDER_REFUSED),
        ("failed", "of_tomorrow", FailureCode.PROVIDER_REFUSED),
        ("canceled", None, FailureCode.CANCELLED_BY_MERCHANT),
    ],
)
def test_a_refunds_status_says_what_it_came_to(
    status: str | None, reason: str | None, expected: type[Outcome] | FailureCode
) -> None:
    outcome = outcome_of_refund(Refund.model_validate(refund(status, failure_reason=reason)))

    if isinstance(expected, FailureCode):
        assert isinstance(outcome, Declined)
        assert (outcome.code, outcome.provider_code) == (expected, reason or status)
    else:
        assert isinstance(outcome, expected)


DECLINES = [
    ("card_declined", "insufficient_funds", FailureCode.INSUFFICIENT_FUNDS),
    ("card_declined", "generic_decline", FailureCode.DECLINED),
    ("card_declined", "lost_card", FailureCode.DECLINED),
    ("card_declined", "stolen_card", FailureCode.DECLINED),
    ("card_declined", "card_velocity_exceeded", FailureCode.LIMIT_EXCEEDED),
    ("card_declined", None, FailureCode.DECLINED),
    ("expired_card", "expired_card", FailureCode.INVALID_ACCOUNT),
    ("incorrect_cvc", "incorrect_cvc", FailureCode.INVALID_ACCOUNT),
    ("processing_error", "processing_error", FailureCode.PROVIDER_FAILED),
    ("authentication_required", "authentication_required", FailureCode.DECLINED),
    ("card_declined", "moon_in_wrong_phase", FailureCode.PROVIDER_REFUSED),
]


@pytest.mark.parametrize(("code", "decline_code", "expected"), DECLINES)
def test_a_402_is_a_decline_in_our_words_and_theirs_with_the_intent(
    code: str, decline_code: str | None, expected: FailureCode
) -> None:
    reason = {"decline_code": decline_code} if decline_code else {}
    failed = intent("requires_payment_method", last_payment_error={"type": "card_error", "code": code, **reason})
    adapter, _ = playing(says(error(code, type="card_error", payment_intent=failed, message="Sorry.", **reason), 402))

    outcome = adapter.initialize_payment(PAYMENT)

    assert isinstance(outcome, Declined)
    assert (outcome.code, outcome.provider_code) == (expected, decline_code or code)
    assert (outcome.provider_message, outcome.reference) == ("Sorry.", "pi_1")
    assert CLIENT_SECRET not in repr(outcome)


def test_a_402_about_an_intent_that_succeeded_is_a_success() -> None:
    adapter, _ = playing(says(error("card_declined", type="card_error", payment_intent=intent("succeeded")), 402))

    assert isinstance(adapter.initialize_payment(PAYMENT), Succeeded)


@pytest.mark.parametrize("status", ["processing", "requires_action"])
def test_a_refusal_about_an_intent_that_is_under_way_ends_nothing(status: str) -> None:
    refusal = error("payment_intent_unexpected_state", payment_intent=intent(status))

    assert isinstance(playing(says(refusal, 400))[0].initialize_payment(PAYMENT), Pending)


def test_a_402_about_another_payment_is_in_doubt() -> None:
    other = intent("requires_payment_method", metadata={"gateway_payment_id": "another"})
    adapter, _ = playing(says(error("card_declined", type="card_error", payment_intent=other), 402))

    assert isinstance(adapter.initialize_payment(PAYMENT), InDoubt)


IDEMPOTENCY = error(type="idempotency_error")
NO_CODE = error()
ERRORS: list[tuple[int, Json | bytes, type[Outcome], str]] = [
    # status, body, what it comes to for a payment, and its reason or code
    (400, error("amount_too_small"), Declined, "limit_exceeded"),
    (400, error("parameter_missing"), Declined, "provider_refused"),
    (400, error("resource_missing", param="payment_method"), Declined, "invalid_account"),
    (400, NO_CODE, Declined, "provider_refused"),
    (400, error("rate_limit"), NotSent, "http 400 rate_limit"),
    (400, error("testmode_charges_only"), NotSent, "misconfigured: http 400 testmode_charges_only"),
    (400, IDEMPOTENCY, InDoubt, "http 400 idempotency_error"),
    (400, error("idempotency_key_in_use"), InDoubt, "http 400 idempotency_key_in_use"),
    (400, error(type="api_error"), InDoubt, "http 400 api_error"),
    (429, error(type="api_error"), NotSent, "http 429 api_error"),
    (400, b"<h1>Bad request</h1>", InDoubt, "http 400 unreadable"),
    (401, NO_CODE, NotSent, "misconfigured: http 401 invalid_request_error"),
    (401, b"", NotSent, "misconfigured: http 401 unreadable"),
    (402, b"", InDoubt, "http 402 unreadable"),
    (402, error("card_declined", type="card_error"), Declined, "declined"),
    (403, NO_CODE, NotSent, "misconfigured: http 403 invalid_request_error"),
    (404, error("resource_missing"), Declined, "invalid_account"),
    (404, NO_CODE, NotSent, "misconfigured: http 404 invalid_request_error"),
    (404, b"", InDoubt, "http 404 unreadable"),
    (409, error("idempotency_key_in_use", type="idempotency_error"), InDoubt, "http 409 idempotency_key_in_use"),
    (409, error("idempotency_key_in_use"), InDoubt, "http 409 idempotency_key_in_use"),
    (409, error("lock_timeout"), NotSent, "http 409 lock_timeout"),
    (409, NO_CODE, InDoubt, "http 409 invalid_request_error"),
    (424, error(type="api_error"), InDoubt, "http 424 api_error"),
    (429, error("rate_limit"), NotSent, "http 429 rate_limit"),
    (429, error("lock_timeout"), NotSent, "http 429 lock_timeout"),
    (429, b"", NotSent, "http 429 unreadable"),
    (500, error(type="api_error"), InDoubt, "http 500 api_error"),
    (500, b"", InDoubt, "http 500 unreadable"),
    (503, error(type="api_error"), InDoubt, "http 503 api_error"),
    (302, b"", InDoubt, "http 302 unreadable"),
]


@pytest.mark.parametrize(("status", "body", "expected", "word"), ERRORS)
def test_an_error_says_whether_the_payment_may_have_been_executed(
    status: int, body: Json | bytes, expected: type[Outcome], word: str
) -> None:
    adapter, _ = playing(says(body, status))

    outcome = adapter.initialize_payment(PAYMENT)

    assert isinstance(outcome, expected)
    assert word in {getattr(outcome, "reason", ""), str(getattr(outcome, "code", ""))}


@pytest.mark.parametrize(("status", "body"), [(status, body) for status, body, _, _ in ERRORS])
def test_a_query_that_fails_proves_nothing(status: int, body: Json | bytes) -> None:
    is_proof = status == 404 and isinstance(body, dict) and "resource_missing" in str(body)
    adapter, _ = playing(says(body, status))

    for outcome in (adapter.verify_payment(KNOWN_PAYMENT), adapter.verify_refund(KNOWN_REFUND)):
        assert outcome == NotSent(reason="not_found") if is_proof else isinstance(outcome, InDoubt)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, error("charge_already_refunded"), "refund_not_possible"),
        (400, error(message="Refund amount (KES 50) is greater than unrefunded amount"), "refund_not_possible"),
        (404, error("resource_missing"), "refund_not_possible"),
    ],
)
def test_a_refund_that_cannot_be_is_declined(status: int, body: Json, code: str) -> None:
    outcome = playing(says(body, status))[0].refund_payment(REFUND)

    assert isinstance(outcome, Declined)
    assert outcome.code == code


@pytest.mark.parametrize(
    ("wish", "seconds"),
    [("2", 2), ("999999", 86_400), ("", None), ("-1", None), ("1.5", None), ("²", None), ("9" * 10, None)],
)
def test_a_throttled_request_waits_as_long_as_stripe_wishes(wish: str, seconds: int | None) -> None:
    headers = {"retry_after": wish} if wish.isascii() else {}
    outcome = playing(says(error("rate_limit"), 429, **headers))[0].initialize_payment(PAYMENT)

    assert isinstance(outcome, NotSent)
    assert outcome.retry_after_seconds == seconds


@pytest.mark.parametrize(("status", "body"), [(status, body) for status, body, _, _ in ERRORS])
def test_an_error_never_ends_a_payment_that_was_to_be_cancelled(status: int, body: Json | bytes) -> None:
    outcome = playing(says(body, status))[0].cancel_payment(CANCEL)

    assert isinstance(outcome, NotSent | InDoubt)


@pytest.mark.parametrize("status", [400, 404])
def test_a_capture_that_cannot_be_is_declined(status: int) -> None:
    outcome = playing(says(error("resource_missing"), status))[0].capture_payment(CAPTURE)

    assert isinstance(outcome, Declined)
    assert outcome.code == FailureCode.CAPTURE_NOT_POSSIBLE
