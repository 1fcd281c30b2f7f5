"""Chaos by a seed: the same seed does the same to the same requests, in whatever order they come."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from shared.provider_kit.simulator import SimulatedResponse
from shared.providers.cpay.tests.played import Played, read

MIX = {
    "error_500": 0.1,
    "error_500_after_commit": 0.1,
    "hang": 0.1,
    "hang_after_commit": 0.1,
    "reset_after_commit": 0.1,
    "throttled": 0.1,
    "html": 0.1,
    "declined": 0.1,
}
REFERENCES = [f"order-{number}" for number in range(60)]

Fate = tuple[int, str]


@pytest.fixture
def twins(tmp_path: Path) -> Iterator[tuple[Played, Played]]:
    pair = Played(tmp_path / "one"), Played(tmp_path / "other")
    yield pair
    for one in pair:
        one.simulator.close()


def set_chaos(played: Played, mix: dict[str, float], seed: int = 7) -> SimulatedResponse:
    return played.ask("POST", "/_admin/chaos", {"seed": seed, "mix": mix})


def plain(played: Played, reference: str, amount: int = 100_000) -> SimulatedResponse:
    """A payment that chooses no scenario."""
    return played.pay(reference=reference, key=reference, metadata={}, amount=amount)


def fate(response: SimulatedResponse) -> Fate:
    return response.status, repr(response.fault)


def fates(played: Played, references: Iterable[str]) -> dict[str, list[Fate]]:
    """What becomes of two POSTs and of a query for each reference."""
    told: dict[str, list[Fate]] = {}
    for reference in references:
        query = f"/v1/payments?merchant_reference={reference}"
        answers = [plain(played, reference), plain(played, reference), played.ask("GET", query)]
        told[reference] = [fate(answer) for answer in answers]
    return told


def test_the_same_seed_repeats_the_same_faults_whatever_the_order(twins: tuple[Played, Played]) -> None:
    one, other = twins
    set_chaos(one, MIX)
    set_chaos(other, dict(reversed(MIX.items())))

    first = fates(one, REFERENCES)
    again = fates(other, reversed(REFERENCES))

    assert first == again
    assert {status for answers in first.values() for status, _ in answers} >= {200, 201, 402, 429, 500, 504}


def test_another_seed_is_other_faults(twins: tuple[Played, Played]) -> None:
    one, other = twins
    set_chaos(one, MIX, seed=1)
    set_chaos(other, MIX, seed=2)

    assert fates(one, REFERENCES) != fates(other, REFERENCES)


def test_what_is_asked_again_draws_again(played: Played) -> None:
    set_chaos(played, {"error_500": 0.5})

    answers = [plain(played, "one").status for _ in range(40)]

    assert set(answers) == {500, 201}


def test_setting_the_same_chaos_again_starts_it_again(played: Played) -> None:
    set_chaos(played, {"error_500": 0.5})
    first = [plain(played, "one").status for _ in range(20)]

    set_chaos(played, {"error_500": 0.5})

    assert [plain(played, "one").status for _ in range(20)] == first


def test_the_shares_are_kept(played: Played) -> None:
    set_chaos(played, {"error_500": 0.25})

    spoilt = [plain(played, f"order-{number}").status for number in range(400)].count(500)

    assert 70 <= spoilt <= 130


def test_queries_fail_too(played: Played) -> None:
    payment_id = read(plain(played, "one")).id
    set_chaos(played, {"error_500": 1})

    paths = [f"/v1/payments/{payment_id}", f"/v1/payments/{payment_id}/refunds", "/v1/events", "/v1/payouts"]

    assert [played.ask("GET", path).status for path in paths] == [500, 500, 500, 500]


def test_a_query_by_cpays_id_draws_as_the_reference_of_the_payment(twins: tuple[Played, Played]) -> None:
    ids = [[read(plain(one, reference)).id for reference in REFERENCES] for one in twins]
    for one in twins:
        set_chaos(one, {"error_500": 0.5})

    told = [
        [one.ask("GET", f"/v1/payments/{payment_id}").status for payment_id in own]
        for one, own in zip(twins, ids, strict=True)
    ]

    assert ids[0] != ids[1]
    assert told[0] == told[1]


def test_captures_refunds_payouts_and_cancellations_are_spoilt_too(played: Played) -> None:
    payment_id = read(plain(played, "one")).id
    set_chaos(played, {"error_500": 1})
    payout = {"amount": 100, "currency": "KES", "merchant_reference": "p", "recipient": {"phone": "+254700000000"}}

    answers = [
        played.ask("POST", f"/v1/payments/{payment_id}/captures", {}, key="c"),
        played.ask("POST", f"/v1/payments/{payment_id}/refunds", {}, key="r"),
        played.ask("POST", f"/v1/payments/{payment_id}/cancel", {}, key="x"),
        played.ask("POST", "/v1/payouts", payout, key="p"),
    ]

    assert [answer.status for answer in answers] == [500, 500, 500, 500]


def test_a_chosen_scenario_wins(played: Played) -> None:
    set_chaos(played, {"error_500": 1, "webhook_lost": 1})

    assert played.pay("succeeds").status == 201
    assert plain(played, "by-amount", amount=120_002).status == 402
    played.pass_time(seconds=1)
    assert "payment.succeeded" in played.merchant.types()


def test_an_answer_that_chaos_spoils_after_the_commit_was_executed_once(played: Played) -> None:
    set_chaos(played, {"error_500_after_commit": 1})

    answers = [plain(played, "one").status for _ in range(3)]

    assert answers == [500, 500, 500]
    assert entry(played, "one")["posts_executed"] == 1


def test_an_answer_that_chaos_spoils_before_the_commit_was_not_executed(played: Played) -> None:
    set_chaos(played, {"error_500": 1})

    plain(played, "one")

    told = entry(played, "one")
    assert (told["payments"], told["posts_executed"], told["idempotency_keys"]) == (0, 0, ["one"])


def test_a_decline_takes_nothing_and_is_repeated_with_its_key(played: Played) -> None:
    set_chaos(played, {"declined": 1})

    answers = [plain(played, "one") for _ in range(2)]
    played.pass_time(seconds=2)

    assert [(answer.status, read(answer).code()) for answer in answers] == [(402, "declined")] * 2
    assert entry(played, "one")["captured_minor"] == 0


@pytest.mark.parametrize(
    ("name", "types"),
    [
        ("webhook_twice", ["payment.pending", "payment.succeeded", "payment.succeeded"]),
        ("webhook_repeated", ["payment.pending"] * 5 + ["payment.succeeded"] * 5),
        ("webhook_early", ["payment.pending", "payment.succeeded"]),
        ("webhook_out_of_order", ["payment.succeeded", "payment.pending"]),
        ("webhook_lost", []),
    ],
)
def test_chaos_chooses_how_callbacks_are_told(played: Played, name: str, types: list[str]) -> None:
    set_chaos(played, {name: 1})
    plain(played, "one")

    played.settle()
    played.pass_time(seconds=1)
    played.pass_time(seconds=2)

    told = played.merchant.types()
    assert (sorted(told) if name == "webhook_early" else told) == types


def test_an_early_callback_of_chaos_comes_before_the_answer(played: Played) -> None:
    set_chaos(played, {"webhook_early": 1})

    plain(played, "one")

    assert played.merchant.types() == ["payment.succeeded"]


def test_a_callback_can_name_a_payment_that_nobody_knows(played: Played) -> None:
    set_chaos(played, {"webhook_unknown_reference": 1})
    payment_id = read(plain(played, "our-own-order")).id

    played.pass_time(seconds=1)

    bodies = [post.body.decode() for post in played.merchant.posts]
    assert len(bodies) == 2
    assert not any(payment_id in body or "our-own-order" in body for body in bodies)


def test_the_callbacks_of_a_refund_are_told_as_chaos_wants(played: Played) -> None:
    payment_id = played.paid(metadata={})
    set_chaos(played, {"webhook_lost": 1})

    played.ask("POST", f"/v1/payments/{payment_id}/refunds", {"amount": 100}, key="r")
    played.pass_time(seconds=1)

    assert played.merchant.types() == ["payment.pending", "payment.succeeded"]


def test_how_an_answer_and_how_its_callbacks_go_wrong_are_drawn_apart(played: Played) -> None:
    set_chaos(played, {"error_500_after_commit": 1, "webhook_lost": 1})

    assert plain(played, "one").status == 500
    played.pass_time(seconds=1)
    assert played.merchant.posts == []


def test_chaos_survives_a_restart_and_heals_when_it_is_told_to(played: Played) -> None:
    set_chaos(played, {"error_500": 1})
    played.restart()

    assert plain(played, "one").status == 500
    assert played.ask("POST", "/_admin/chaos", {"mix": {}}).status == 200
    assert plain(played, "one").status == 201


def test_a_reset_heals(played: Played) -> None:
    set_chaos(played, {"error_500": 1})

    played.ask("POST", "/_admin/reset")

    assert plain(played, "one").status == 201
    assert played.ask("GET", "/_admin/chaos").body == b'{"seed":0,"mix":{}}'


@pytest.mark.parametrize(
    ("mix", "param"),
    [
        ({"gremlins": 0.1}, "mix"),
        ({"properly": 0.1}, "mix"),
        ({"error_500": 0.6, "hang": 0.5}, "mix"),
        ({"webhook_lost": 0.6, "webhook_twice": 0.5}, "mix"),
        ({"error_500": 1.5}, "mix.error_500"),
        ({"error_500": -0.1}, "mix.error_500"),
        ({"error_500": "lots"}, "mix.error_500"),
    ],
    ids=repr,
)
def test_a_mix_that_cannot_be_played_is_refused(played: Played, mix: dict[str, float], param: str) -> None:
    refused = set_chaos(played, mix)

    assert refused.status == 400
    assert f'"param":"{param}"'.encode() in refused.body


def test_ten_shares_of_a_tenth_are_a_whole(played: Played) -> None:
    names = ["error_500", "hang", "html", "empty", "truncated", "slow", "throttled", "declined", "unavailable"]

    assert set_chaos(played, {**dict.fromkeys(names, 0.1), "reset_after_commit": 0.1}).status == 200


def test_chaos_is_set_from_loopback_only(played: Played) -> None:
    assert played.ask("POST", "/_admin/chaos", {"mix": {"error_500": 1}}, near=False).status == 404
    assert plain(played, "one").status == 201


def entry(played: Played, reference: str) -> dict[str, object]:
    found: dict[str, dict[str, object]] = read(
        played.ask("GET", f"/_admin/ledger?merchant_reference={reference}")
    ).member("by_reference")
    return found[reference]
