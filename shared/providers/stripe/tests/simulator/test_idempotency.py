"""What is stored under an idempotency key, what is not, and for how long."""

from pathlib import Path

import pytest

from shared.providers.stripe.tests.simulator.played import Played


def made(played: Played) -> int:
    return len(played.get("/v1/payment_intents").body["data"])


@pytest.mark.parametrize(("scenario", "made_of_it"), [("error_500", 0), ("error_500_after_commit", 1)])
def test_a_500_of_a_request_that_began_is_stored(played: Played, scenario: str, made_of_it: int) -> None:
    first, again = played.pay(key="k", scenario=scenario), played.pay(key="k", scenario=scenario)

    assert [first.status, again.status] == [500, 500]
    assert first.error["type"] == "api_error"
    assert again.headers["Idempotent-Replayed"] == "true"
    assert first.headers["Stripe-Should-Retry"] == "false"
    assert made(played) == made_of_it


@pytest.mark.parametrize(
    ("scenario", "status", "retry"),
    [
        ("unavailable_twice", 503, None),
        ("throttled_twice", 429, None),
        ("throttled_retry_twice", 429, "true"),
        ("lock_timeout_twice", 429, "true"),
        ("lock_timeout_409_twice", 409, None),
    ],
)
def test_what_is_refused_at_the_gate_is_not_stored(
    played: Played, scenario: str, status: int, retry: str | None
) -> None:
    answers = [played.pay(key="k", scenario=scenario) for _ in range(4)]

    assert [answer.status for answer in answers] == [status, status, 200, 200]
    assert answers[0].headers.get("Stripe-Should-Retry") == retry
    assert "Idempotent-Replayed" not in answers[2].headers
    assert made(played) == 1


def test_a_request_that_is_not_valid_leaves_its_key_free(played: Played) -> None:
    wrong = played.pay(key="k", currency="moon")

    right = played.pay(key="k")

    assert [wrong.status, right.status] == [400, 200]
    assert "Idempotent-Replayed" not in right.headers


def test_a_wrong_api_key_leaves_the_idempotency_key_free(played: Played) -> None:
    refused = played.post("/v1/payment_intents", {}, key="k", authorization="Bearer sk_test_wrong_key")

    assert [refused.status, played.pay(key="k").status] == [401, 200]


def test_a_decline_is_stored(played: Played) -> None:
    first = played.pay(key="k", payment_method="pm_card_chargeDeclined")
    again = played.pay(key="k", payment_method="pm_card_chargeDeclined")

    assert [first.status, again.status] == [402, 402]
    assert again.response.body == first.response.body
    assert made(played) == 1


def test_an_error_of_the_state_is_stored(played: Played) -> None:
    intent_id = played.pay(capture_method="manual").id
    path = f"/v1/payment_intents/{intent_id}/capture"
    first = played.post(path, {"amount_to_capture": "109901"}, key="k")
    again = played.post(path, {"amount_to_capture": "109901"}, key="k")

    assert [first.status, again.status] == [400, 400]
    assert again.headers["Idempotent-Replayed"] == "true"


def test_the_order_of_parameters_does_not_matter(played: Played) -> None:
    first = played.post("/v1/payment_intents", {"amount": "2000", "currency": "usd"}, key="k")
    again = played.post("/v1/payment_intents", {"currency": "usd", "amount": "2000"}, key="k")

    assert again.id == first.id


def test_a_key_belongs_to_its_endpoint(played: Played) -> None:
    intent_id = played.pay(key="k").id

    refused = played.refund(intent_id, key="k")

    assert (refused.status, refused.error["type"]) == (400, "idempotency_error")
    assert "same endpoint" in refused.error["message"]


def test_a_key_is_forgotten_after_24_hours(played: Played) -> None:
    first = played.pay(key="k")
    played.clock.pass_time(hours=23, minutes=59)
    same = played.pay(key="k")
    played.clock.pass_time(minutes=2)

    assert same.id == first.id
    assert played.pay(key="k").id != first.id


def test_the_24_hours_are_divided_by_the_time_scale(tmp_path: Path) -> None:
    played = Played(tmp_path, time_scale="86400")
    first = played.pay(key="k")
    played.clock.pass_time(seconds=2)

    assert played.pay(key="k").id != first.id
    played.simulator.close()


def test_without_a_key_nothing_is_remembered(played: Played) -> None:
    assert played.pay().id != played.pay().id


def test_a_key_of_more_than_255_characters_is_refused(played: Played) -> None:
    assert played.pay(key="k" * 256).status == 400
    assert played.pay(key="k" * 255).status == 200


def test_a_key_is_in_use_while_its_answer_is_written(played: Played) -> None:
    played.pay(key="k", scenario="slow")

    during = played.pay(key="k", scenario="slow")
    played.clock.pass_time(seconds=3)
    after = played.pay(key="k", scenario="slow")

    assert (during.status, during.error["code"]) == (409, "idempotency_key_in_use")
    assert after.headers["Idempotent-Replayed"] == "true"
