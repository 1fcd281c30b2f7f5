"""One key, one execution, one answer; over restarts too."""

from collections.abc import Mapping

import pytest

from shared.provider_kit.simulator import (
    CallbackAnswer,
    SimulatedResponse,
)
from shared.providers.cpay.tests.played import Played, read


def test_a_throttled_answer_says_when_to_come_back_and_the_third_request_is_taken(played: Played) -> None:
    first, second, third = (played.pay("throttled_twice") for _ in range(3))

    assert [first.status, second.status, third.status] == [429, 429, 201]
    assert first.headers["Retry-After"] == "2"


def test_how_often_an_answer_was_spoilt_survives_a_restart(played: Played) -> None:
    played.pay("unavailable_twice")
    played.restart()

    assert [played.pay("unavailable_twice").status for _ in range(2)] == [503, 201]


@pytest.mark.parametrize("scenario", ["error_500_after_commit", "hang_after_commit", "html", "empty", "truncated"])
def test_a_lost_answer_is_given_again_for_the_same_key(played: Played, scenario: str) -> None:
    played.pay(scenario)

    again = played.restart().pay(scenario)

    assert (again.status, again.fault) == (201, None)
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_500_without_commit_stores_nothing(played: Played) -> None:
    played.pay("error_500")

    assert read(played.ask("GET", "/v1/payments?merchant_reference=ours")).listed() == []
    assert "Idempotent-Replayed" not in played.pay("error_500").headers


def test_a_post_needs_a_usable_key(played: Played) -> None:
    assert read(played.pay(key="")).code() == "idempotency_key_missing"
    assert read(played.pay(key="k" * 256)).code() == "idempotency_key_invalid"
    assert read(played.pay(key="ключ")).code() == "idempotency_key_invalid"


def test_a_key_replays_its_first_answer_for_24_hours(played: Played) -> None:
    first = played.pay()
    played.clock.pass_time(hours=23, minutes=59)

    again = played.pay()

    assert (again.status, again.body) == (first.status, first.body)
    assert again.headers["Idempotent-Replayed"] == "true"
    played.clock.pass_time(minutes=2)
    assert read(played.pay()).code() == "duplicate_reference"


def test_a_key_with_another_body_or_path_is_a_conflict(played: Played) -> None:
    payment_id = read(played.pay()).id

    assert read(played.pay(amount=1)).code() == "idempotency_key_reused"
    assert read(played.ask("POST", f"/v1/payments/{payment_id}/cancel", key="k1")).code() == "idempotency_key_reused"


def test_the_same_body_written_differently_is_the_same_request(played: Played) -> None:
    body = {"amount": 5, "currency": "KES", "merchant_reference": "r", "customer": {"email": "a@b.ke"}}
    played.ask("POST", "/v1/payments", body, key="k")

    again = played.ask("POST", "/v1/payments", dict(reversed(body.items())), key="k")

    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_reference_is_used_once(played: Played) -> None:
    played.pay()

    refused = played.pay(key="k2")

    assert (refused.status, read(refused).code()) == (409, "duplicate_reference")


def test_a_key_whose_first_request_is_at_work_is_a_conflict(played: Played) -> None:
    answers: list[SimulatedResponse] = []
    original = played.merchant

    def ask_again(url: str, headers: Mapping[str, str], body: bytes) -> CallbackAnswer:
        answers.append(one.pay("webhook_early"))
        original(url, headers, body)
        return CallbackAnswer(status=204)

    one = Played(played.folder / "other")
    one.receiver = ask_again
    one.pay("webhook_early")
    one.simulator.close()

    assert [read(answer).code() for answer in answers] == ["idempotency_key_in_use"]
    assert answers[0].headers["Retry-After"] == "1"
