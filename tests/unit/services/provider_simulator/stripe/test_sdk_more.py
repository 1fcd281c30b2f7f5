"""Stripe's SDK refunds, repeats with idempotency keys, pages through lists, searches, and meets every failure."""

import threading

import pytest
import stripe

from shared.providers.stripe.tests.simulator.played import NEW_SECRET, OLD_SECRET
from tests.unit.services.provider_simulator.stripe.served import PAYMENT, Served, answer_of, wait_until

# Less than the simulator keeps silent, and enough for a busy machine.
PATIENCE_SECONDS = {"hang_after_commit": 1}


def test_parts_of_a_payment_are_refunded_until_nothing_is_left(served: Served) -> None:
    client = served.client()
    intent = client.payment_intents.create(PAYMENT)
    first = client.refunds.create({"payment_intent": intent.id, "amount": 900})

    with pytest.raises(stripe.InvalidRequestError, match=r"\(1090.01 kes\) is greater than .* \(1090.00 kes\)"):
        client.refunds.create({"payment_intent": intent.id, "amount": 109_001})
    rest = client.refunds.create({"payment_intent": intent.id})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.refunds.create({"payment_intent": intent.id, "amount": 1})

    assert (first.status, rest.status, rest.amount) == ("succeeded", "succeeded", 109_000)
    assert caught.value.code == "charge_already_refunded"
    assert [refund.id for refund in client.refunds.list({"payment_intent": intent.id})] == [rest.id, first.id]
    charge = client.charges.retrieve(str(intent.latest_charge), {"expand": ["refunds"]})
    assert (charge.refunded, charge.amount_refunded) == (True, 109_900)
    assert charge.refunds is not None
    assert len(charge.refunds.data) == 2


def test_a_refund_that_needs_its_customer_is_cancelled(served: Served) -> None:
    client = served.client()
    intent = client.payment_intents.create(PAYMENT)
    refund = client.refunds.create({"payment_intent": intent.id, "metadata": {"scenario": "refund_requires_action"}})

    canceled = client.refunds.cancel(refund.id)

    assert (refund.status, canceled.status) == ("requires_action", "canceled")
    assert client.refunds.create({"payment_intent": intent.id}).status == "succeeded"


def test_a_repeated_request_gets_the_first_answer(served: Served) -> None:
    client = served.client()

    first = client.payment_intents.create(PAYMENT, {"idempotency_key": "k"})
    again = client.payment_intents.create(PAYMENT, {"idempotency_key": "k"})

    assert again.id == first.id
    assert answer_of(again).headers["Idempotent-Replayed"] == "true"
    assert answer_of(again).headers["Original-Request"] == answer_of(first).request_id
    assert answer_of(again).request_id != answer_of(first).request_id
    assert "Idempotent-Replayed" not in answer_of(first).headers


def test_a_key_belongs_to_its_parameters(served: Served) -> None:
    client = served.client()
    client.payment_intents.create(PAYMENT, {"idempotency_key": "k"})

    with pytest.raises(stripe.IdempotencyError) as caught:
        client.payment_intents.create({**PAYMENT, "amount": 109_800}, {"idempotency_key": "k"})

    assert caught.value.http_status == 400


def test_a_key_whose_request_is_at_work_is_in_use(served: Served) -> None:
    params: stripe.params.PaymentIntentCreateParams = {**PAYMENT, "metadata": {"scenario": "slow"}}
    slow, hasty = served.client(), served.client()
    answers: list[stripe.PaymentIntent] = []
    thread = threading.Thread(
        target=lambda: answers.append(slow.payment_intents.create(params, {"idempotency_key": "k"}))
    )
    thread.start()
    try:
        wait_until(lambda: bool(hasty.payment_intents.list().data))  # it is made, its answer on the way
        with pytest.raises(stripe.APIError) as caught:
            hasty.payment_intents.create(params, {"idempotency_key": "k"})
    finally:
        thread.join()

    assert caught.value.error is not None
    assert (caught.value.http_status, caught.value.error.code) == (409, "idempotency_key_in_use")
    assert type(caught.value) is stripe.APIError
    assert answers[0].status == "succeeded"
    assert hasty.payment_intents.create(params, {"idempotency_key": "k"}).id == answers[0].id


def test_the_pages_of_a_list_hold_everything_once(served: Served) -> None:
    client = served.client()
    made = [client.payment_intents.create({"amount": 2000 + n, "currency": "usd"}).id for n in range(5)]

    listed = [intent.id for intent in client.payment_intents.list({"limit": 2}).auto_paging_iter()]
    newer = client.payment_intents.list({"ending_before": made[1], "limit": 2})

    assert listed == made[::-1]
    assert [intent.id for intent in newer] == [made[3], made[2]]
    assert newer.has_more


def test_a_list_is_limited_to_a_time(served: Served) -> None:
    client = served.client()
    intent = client.payment_intents.create({"amount": 2000, "currency": "usd"})

    assert len(client.payment_intents.list({"created": {"gte": intent.created}}).data) == 1
    assert client.payment_intents.list({"created": {"gt": intent.created + 60}}).data == []


def test_a_payment_is_found_by_our_reference(served: Served) -> None:
    client = served.client()
    intent = client.payment_intents.create(PAYMENT)
    client.payment_intents.create({**PAYMENT, "metadata": {"gateway_payment_id": "p2"}})

    def found(query: str) -> list[str]:
        return [each.id for each in client.payment_intents.search({"query": query}).auto_paging_iter()]

    assert found("metadata['gateway_payment_id']:'p1' AND status:'succeeded'") == [intent.id]
    assert found("metadata['gateway_payment_id']:'p1' AND amount<100") == []
    assert found("-metadata['gateway_payment_id']:'p2' AND currency:\"kes\"") == [intent.id]
    with pytest.raises(stripe.InvalidRequestError):
        found("metadata: nothing")


def test_the_balance_tells_what_came_and_went(served: Served) -> None:
    client = served.client()
    intent = client.payment_intents.create({**PAYMENT, "capture_method": "automatic"})
    refund = client.refunds.create({"payment_intent": intent.id, "amount": 900})

    lines = client.balance_transactions.list().data

    assert [(line.type, line.amount, line.source) for line in lines] == [
        ("refund", -900, refund.id),
        ("charge", 109_900, intent.latest_charge),
    ]
    assert [line.fee for line in lines] == [0, 3217]  # 2.9 % + 0.30
    assert client.balance.retrieve().pending[0].amount == sum(line.net for line in lines)


def test_the_sdk_reads_the_events(served: Served) -> None:
    client = served.client()
    intent = client.payment_intents.create(PAYMENT, {"idempotency_key": "k"})

    events = client.events.list({"type": "payment_intent.*"}).data

    assert [event.type for event in events] == ["payment_intent.succeeded", "payment_intent.created"]
    assert events[0].request is not None
    assert (events[0].request.id, events[0].request.idempotency_key) == (answer_of(intent).request_id, "k")


@pytest.mark.parametrize(
    ("scenario", "error"),
    [
        ("error_500", stripe.APIError),
        ("error_500_after_commit", stripe.APIError),
        ("reset_after_commit", stripe.APIConnectionError),
        ("hang_after_commit", stripe.APIConnectionError),
        ("truncated", stripe.APIConnectionError),
        ("html", stripe.APIError),
        ("empty", stripe.APIError),
        ("unavailable_twice", stripe.APIError),
        ("throttled_twice", stripe.RateLimitError),
        ("lock_timeout_twice", stripe.RateLimitError),
        ("lock_timeout_409_twice", stripe.APIError),
    ],
)
def test_the_sdk_meets_each_failure(served: Served, scenario: str, error: type[stripe.StripeError]) -> None:
    client = served.client(read_seconds=PATIENCE_SECONDS.get(scenario, 10))

    with pytest.raises(error):
        client.payment_intents.create({**PAYMENT, "metadata": {"scenario": scenario}})


@pytest.mark.parametrize(
    "scenario", ["reset_after_commit", "hang_after_commit", "unavailable_twice", "throttled_retry_twice"]
)
def test_the_sdk_comes_through_by_trying_again(served: Served, scenario: str) -> None:
    client = served.client(read_seconds=PATIENCE_SECONDS.get(scenario, 10), retries=2)

    intent = client.payment_intents.create({**PAYMENT, "metadata": {"scenario": scenario}})

    assert intent.status == "succeeded"
    assert len(client.payment_intents.list().data) == 1


def test_the_sdk_does_not_retry_a_throttled_request_unasked(served: Served) -> None:
    with pytest.raises(stripe.RateLimitError):
        served.client(retries=2).payment_intents.create({**PAYMENT, "metadata": {"scenario": "throttled_twice"}})


def test_the_sdk_believes_what_is_posted(served: Served) -> None:
    served.client().payment_intents.create(PAYMENT)
    wait_until(lambda: len(served.merchant.posts) >= 3)

    events = [
        stripe.Webhook.construct_event(post.body, post.signature, secret)
        for post in served.merchant.posts
        for secret in (NEW_SECRET, OLD_SECRET)
    ]

    assert {event.type for event in events} >= {
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
    }
    assert {event.api_version for event in events} == {stripe.api_version}
