"""What holds where Paystack has no idempotency keys and dates no callback: our ids, and a look before every refund."""

from dataclasses import replace

import httpx2
import pytest

from shared.domain.ids import RefundId
from shared.domain.money import Money
from shared.domain.outcome import Declined, InDoubt, NotSent, Pending, Succeeded
from shared.domain.transaction_status import TRANSITIONS, TransactionStatus, TransactionTrigger
from shared.provider_kit.provider import PaymentRequest
from shared.providers.paystack.notes import note_of
from shared.providers.paystack.tests.played import (
    BY_PHONE,
    PAYMENT,
    REFUND,
    Played,
    fixture,
    paystack,
    playing,
    query_of,
    query_of_refund,
    refund_of,
)

UNTOLD = ("error_500_after_commit", "hang_after_commit", "reset_after_commit", "html", "empty", "truncated")
UNTOLD_REFUNDS = (10_020, 10_021, 10_022, 10_026, 10_027, 10_028)


@pytest.mark.parametrize("request_", [PAYMENT, BY_PHONE], ids=["page", "phone"])
@pytest.mark.parametrize("scenario", UNTOLD)
def test_a_payment_whose_answer_was_lost_is_known_by_its_reference_and_not_made_again(
    played: Played, request_: PaymentRequest, scenario: str
) -> None:
    adapter, request = played.adapter(mobile_money=True), playing(scenario, request_)
    first = adapter.initialize_payment(request)

    again = adapter.initialize_payment(request)
    played.pass_time(seconds=1)

    assert isinstance(first, InDoubt)
    assert isinstance(again, Pending)
    assert played.truth(request.transaction_id)["payments"] == 1
    assert isinstance(adapter.initialize_payment(request), Succeeded)
    assert played.truth(request.transaction_id)["captured_minor"] == 100_000


def test_the_same_payment_under_another_key_is_the_same_payment(played: Played) -> None:
    adapter, request = played.adapter(), playing("succeeds")
    adapter.initialize_payment(request)
    played.pass_time(seconds=1)

    again = adapter.initialize_payment(replace(request, idempotency_key="another"))

    assert isinstance(again, Succeeded)
    assert again.reference == str(request.transaction_id)
    assert played.truth(request.transaction_id)["payments"] == 1


def test_a_payment_that_was_declined_stays_declined_when_it_is_repeated(played: Played) -> None:
    adapter, request = played.adapter(), playing("insufficient_funds")
    adapter.initialize_payment(request)
    played.pass_time(seconds=1)

    again = adapter.initialize_payment(request)

    assert isinstance(again, Declined)
    assert again.provider_code == "Insufficient Funds"


def test_a_reference_that_comes_back_with_another_amount_is_in_doubt_and_takes_nothing_more(played: Played) -> None:
    adapter, request = played.adapter(), playing("succeeds")
    adapter.initialize_payment(request)

    outcome = adapter.initialize_payment(replace(request, amount=Money(100_001, "NGN")))

    assert isinstance(outcome, InDoubt)
    assert played.truth(request.transaction_id)["payments"] == 1


def test_a_reference_that_is_taken_but_not_found_is_in_doubt() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        is_post = request.method == "POST"
        return httpx2.Response(
            400 if is_post else 404, json=fixture("error_duplicate" if is_post else "error_not_found")
        )

    assert isinstance(paystack(answer).initialize_payment(PAYMENT), InDoubt)


def test_a_duplicate_is_known_by_its_words_alone() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.method == "POST":
            return httpx2.Response(400, json={"status": False, "message": "Duplicate Transaction Reference"})
        return httpx2.Response(200, json={"status": True, "data": fixture("transaction")})

    assert isinstance(paystack(answer).initialize_payment(PAYMENT), Succeeded)


def test_a_refund_that_is_asked_for_twice_is_given_once(played: Played) -> None:
    adapter, request = played.adapter(), refund_of(played.paid(), 40_000)

    first, second = adapter.refund_payment(request), adapter.refund_payment(request)
    played.pass_time(seconds=1)
    third = adapter.refund_payment(request)

    assert isinstance(first, Pending)
    assert isinstance(second, Pending)
    assert isinstance(third, Succeeded)
    assert first.reference == second.reference == third.reference
    assert played.truth(request.payment.reference)["refunded_minor"] == 40_000


@pytest.mark.parametrize("amount_minor", UNTOLD_REFUNDS)
def test_a_refund_whose_answer_was_lost_is_not_given_again(played: Played, amount_minor: int) -> None:
    adapter, request = played.adapter(), refund_of(played.paid(), amount_minor)
    first = adapter.refund_payment(request)

    again = adapter.refund_payment(request)
    played.pass_time(seconds=1)

    assert isinstance(first, InDoubt)
    assert isinstance(again, Pending)
    assert isinstance(adapter.verify_refund(query_of_refund(request)), Succeeded)
    assert played.truth(request.refund_id)["refunds"] == 1
    assert played.truth(request.payment.reference)["refunded_minor"] == amount_minor


def test_two_refunds_of_one_amount_are_two(played: Played) -> None:
    adapter, payment = played.adapter(), played.paid()
    first, second = refund_of(payment, 40_000), refund_of(payment, 40_000)

    adapter.refund_payment(first)
    adapter.refund_payment(second)
    played.pass_time(seconds=1)

    assert played.truth(payment.transaction_id)["refunded_minor"] == 80_000


def test_a_refund_that_failed_is_not_tried_again_under_the_same_id(played: Played) -> None:
    adapter, request = played.adapter(), refund_of(played.paid(), 10_031)
    adapter.refund_payment(request)
    played.pass_time(seconds=1)

    again = adapter.refund_payment(request)

    assert isinstance(again, Declined)
    assert played.truth(request.refund_id)["refunds"] == 1


@pytest.mark.parametrize("rule", ["error_500", "hang", "html", "empty", "truncated", "throttled"])
def test_nothing_is_sent_where_it_cannot_be_seen_what_was_sent_before(played: Played, rule: str) -> None:
    adapter, request = played.adapter(), refund_of(played.paid(), 40_000)
    played.told("POST", "/_admin/faults", {"rule": rule, "method": "GET"})
    played.asked.clear()

    outcome = adapter.refund_payment(request)

    assert isinstance(outcome, NotSent)
    assert outcome.reason != "not_found"
    assert played.asked == ["GET /paystack/refund"]
    assert played.truth(request.refund_id) == {}


@pytest.mark.parametrize("rule", ["error_500", "hang", "html", "empty", "truncated", "throttled", "unauthorized"])
def test_a_list_of_refunds_that_cannot_be_read_proves_nothing(played: Played, rule: str) -> None:
    request = refund_of(played.paid(), 40_000)
    played.told("POST", "/_admin/faults", {"rule": rule, "method": "GET"})

    assert isinstance(played.adapter().verify_refund(query_of_refund(request)), InDoubt)


def page_of_refunds(number: int, pages: int, *notes: str) -> dict[str, object]:
    refunds = [{**fixture("refund"), "id": number * 100 + at, "merchant_note": note} for at, note in enumerate(notes)]
    return {"status": True, "message": "", "data": refunds, "meta": {"page": number, "pageCount": pages}}


def test_our_refund_is_found_on_the_last_page_of_all_that_there_are() -> None:
    pages = {"1": page_of_refunds(1, 2, "of the dashboard"), "2": page_of_refunds(2, 2, note_of(REFUND.refund_id, "x"))}
    adapter = paystack(lambda request: httpx2.Response(200, json=pages[request.url.params["page"]]))

    outcome = adapter.verify_refund(query_of_refund(REFUND))

    assert isinstance(outcome, Pending)
    assert outcome.reference == "200"


def test_that_there_is_no_refund_of_ours_is_proven_by_the_last_page_and_by_no_earlier_one() -> None:
    whole = paystack(lambda _request: httpx2.Response(200, json=page_of_refunds(1, 1, "of the dashboard")))
    endless = paystack(lambda _request: httpx2.Response(200, json=page_of_refunds(1, 2, "of the dashboard")))

    assert whole.verify_refund(query_of_refund(REFUND)) == NotSent(reason="not_found")
    assert isinstance(endless.verify_refund(query_of_refund(REFUND)), InDoubt)


def test_two_refunds_with_our_id_are_in_doubt() -> None:
    note = note_of(REFUND.refund_id, "returned")
    adapter = paystack(lambda _request: httpx2.Response(200, json=page_of_refunds(1, 1, note, note)))

    assert isinstance(adapter.verify_refund(query_of_refund(REFUND)), InDoubt)
    assert isinstance(adapter.refund_payment(REFUND), InDoubt)


def test_a_refund_with_our_id_is_not_ours_if_it_is_of_something_else() -> None:
    listed = page_of_refunds(1, 1, note_of(REFUND.refund_id, "returned"))
    adapter = paystack(lambda _request: httpx2.Response(200, json=listed))
    others = (
        replace(REFUND, amount=Money(40_001, "NGN")),
        replace(REFUND, amount=Money(40_000, "KES")),
        replace(REFUND, payment=replace(REFUND.payment, reference="another")),
    )

    assert [type(adapter.refund_payment(other)) for other in others] == [InDoubt] * 3


def test_a_refund_of_another_id_is_not_ours_whatever_its_amount(played: Played) -> None:
    adapter, request = played.adapter(), refund_of(played.paid(), 40_000)
    adapter.refund_payment(request)
    other = replace(request, refund_id=RefundId(PAYMENT.transaction_id))

    assert adapter.verify_refund(query_of_refund(other)) == NotSent(reason="not_found")


def test_a_callback_that_is_replayed_later_is_the_same_event_again(played: Played) -> None:
    adapter = played.adapter()
    played.paid()
    [callback] = played.shop.callbacks

    first = adapter.verify_webhook(callback)
    much_later = adapter.verify_webhook(replace(callback, received_at=callback.received_at.replace(year=2036)))

    assert first.event_id == much_later.event_id


def test_a_page_that_waits_keeps_the_address_that_the_core_has_of_it() -> None:
    state, trigger = TransactionStatus.REQUIRES_ACTION, TransactionTrigger.REQUIRE_ACTION

    assert (state, trigger) not in TRANSITIONS


@pytest.mark.parametrize("scenario", UNTOLD)
def test_a_page_whose_address_was_lost_is_waited_for_without_one(played: Played, scenario: str) -> None:
    adapter, request = played.adapter(), playing(scenario)
    adapter.initialize_payment(request)

    outcome = adapter.verify_payment(query_of(request))

    assert isinstance(outcome, Pending)
    assert (outcome.reference, outcome.next_action) == (None, None)
