"""Answers that go wrong, before or after the work: by amount, armed by the control plane, or by chaos."""

from pathlib import Path

import pytest

from shared.provider_kit.simulator import Delay, Fault, Hang, ResetConnection, TruncateBody
from shared.providers.mpesa.simulator.chaos import ANSWERINGS, TELLINGS
from shared.providers.mpesa.simulator.scenarios import ANSWERINGS as BY_AMOUNT
from shared.providers.mpesa.simulator.scenarios import Answering
from shared.providers.mpesa.tests.simulator.played import OURS, Played, read

BEFORE = [
    (911, 503, b"<html>", None),
    (912, 500, b"", None),
    (913, 429, b"policies.ratelimit.SpikeArrestViolation", None),
    (914, 500, b'"errorCode":"500.003.02","errorMessage":"System is busy', None),
    (915, 200, b'"errorCode":"500.003.02"', None),
    (918, 500, b'"errorCode":"500.001.1001","errorMessage":"Internal Server Error"', None),
    (922, 500, b"Spike Arrest Violation", None),
    (923, 500, b'"errorCode":"500.003.03"', None),
    (924, 503, b'"errorCode":"00.002.1001"', None),
    (925, 504, b"", Hang(30.0)),
    (926, 504, b"", ResetConnection()),
]
AFTER = [
    (916, 200, b"ws_CO_", Hang(30.0)),
    (917, 200, b"ws_CO_", ResetConnection()),
    (920, 200, b"<html>", None),
    (921, 500, b"", None),
    (927, 500, b'"errorCode":"500.001.1001","errorMessage":"Internal Server Error"', None),
    (928, 200, b"ws_CO_", Delay(1.0)),
]


@pytest.mark.parametrize(("amount", "status", "part", "fault"), BEFORE)
def test_an_answer_may_go_wrong_with_nothing_executed(
    played: Played, amount: int, status: int, part: bytes, fault: Fault | None
) -> None:
    answer = played.push(amount)
    played.pass_time(seconds=1)

    truth = played.control("GET", "ledger")["by_reference"][OURS]

    assert (answer.status, part in answer.body, answer.fault) == (status, True, fault)
    assert (truth["payments"], truth["posts_executed"]) == (0, 0)
    assert played.organisation.posts == []


@pytest.mark.parametrize(("amount", "status", "part", "fault"), AFTER)
def test_an_answer_may_go_wrong_with_everything_executed(
    played: Played, amount: int, status: int, part: bytes, fault: Fault | None
) -> None:
    answer = played.push(amount)
    played.pass_time(seconds=1)

    truth = played.control("GET", "ledger")["by_reference"][OURS]

    assert (answer.status, part in answer.body, answer.fault) == (status, True, fault)
    assert (truth["payments"], truth["posts_executed"], truth["captured_minor"]) == (1, 1, amount * 100)
    assert len(played.organisation.posts) == 1


def test_an_answer_may_be_cut_off(played: Played) -> None:
    answer = played.push(919)

    assert answer.fault == TruncateBody(kept_bytes=len(answer.body) // 2)
    assert read(answer)["ResponseCode"] == "0"


def test_every_way_to_go_wrong_by_amount_is_in_a_test_here() -> None:
    played = {amount for amount, *_ in (*BEFORE, *AFTER)} | {919, 929, 930, 931}

    assert {int(scenario.digits) for scenario in BY_AMOUNT} == played


@pytest.mark.parametrize("amount", [929, 930])
def test_a_gate_that_is_busy_twice_takes_the_third_request(played: Played, amount: int) -> None:
    statuses = [played.push(amount).status for _ in range(3)]

    assert statuses[:2] == [429 if amount == 929 else 500] * 2
    assert statuses[2] == 200
    assert played.control("GET", "ledger")["by_reference"][OURS]["payments"] == 1


def test_another_worker_may_have_fetched_a_token_meanwhile(played: Played) -> None:
    refused = played.push(931)
    still_refused = played.push(931)
    played.new_token()
    taken = played.push(931)

    assert [refused.status, still_refused.status, taken.status] == [404, 404, 200]
    assert read(refused)["errorCode"] == "404.001.03"


@pytest.mark.parametrize("rule", sorted(set(ANSWERINGS) - {"slow"}))
def test_an_armed_fault_spoils_so_many_answers_and_no_more(played: Played, rule: str) -> None:
    proper = played.query("x")
    played.control("POST", "faults", {"rule": rule, "times": 2})
    played.restart()

    answers = []
    for number in range(3):
        played.new_token()
        answers.append(played.push(PhoneNumber=f"25471100000{number}", PartyA=f"25471100000{number}"))

    spoilt = [
        answer.status != 200 or answer.fault or answer.body[:1] == b"<" or b"error" in answer.body for answer in answers
    ]
    assert list(map(bool, spoilt)) == [True, True, False]
    assert played.control("GET", "faults")["rules"] == []
    assert proper.status == 500


def test_a_fault_may_be_armed_for_one_product(played: Played) -> None:
    played.control("POST", "faults", {"rule": "html_503", "api": "oauth"})
    played.control("POST", "faults", {"rule": "empty_500", "api": "query"})

    first = played.ask("GET", "/oauth/v1/generate?grant_type=client_credentials")
    pushed, queried = played.push(), played.query("x")

    assert [first.status, pushed.status, queried.status] == [503, 200, 500]
    assert queried.body == b""


def test_a_fault_for_any_product_leaves_tokens_alone(played: Played) -> None:
    played.control("POST", "faults", {"rule": "html_503"})

    assert len(played.new_token()) == 28
    assert played.push().status == 503


def test_a_rule_that_is_armed_for_no_times_is_disarmed(played: Played) -> None:
    played.control("POST", "faults", {"rule": "html_503", "times": 5})

    told = played.control("POST", "faults", {"rule": "html_503", "times": 0})

    assert told == {"rules": []}


@pytest.mark.parametrize("body", [{"rule": "gremlins"}, {"rule": "hang", "api": "smoke"}, {}, {"rule": "hang", "x": 1}])
def test_an_unknown_fault_is_refused(played: Played, body: object) -> None:
    assert played.ask("POST", "/mpesa-control/_admin/faults", body).status == 400


def fates(played: Played, count: int = 40) -> list[tuple[int, str]]:
    """How so many pushes are answered, each about its own reference."""
    answers = []
    for number in range(count):
        played.new_token()
        reference = f"0199a1b2-0000-7000-8000-{number:012x}"
        phone = f"2547110{number:05}"
        url = f"https://pay.example.test/api/v1/webhooks/mm/payment/{reference}/t"
        answers.append(played.push(PhoneNumber=phone, PartyA=phone, CallBackURL=url))
    return [(answer.status, type(answer.fault).__name__) for answer in answers]


def test_the_same_seed_plays_the_same_chaos_and_another_seed_another(tmp_path: Path) -> None:
    told = []
    for name, seed in (("a", "7"), ("b", "7"), ("c", "8")):
        played = Played(tmp_path / name, chaos_seed=seed, chaos_rate="0.5")
        told.append(fates(played))
        played.simulator.close()

    assert told[0] == told[1] != told[2]
    assert 8 <= sum(fate != (200, "NoneType") for fate in told[0]) <= 32


def test_without_a_rate_there_is_no_chaos(played: Played) -> None:
    assert set(fates(played, 10)) == {(200, "NoneType")}


def test_chaos_may_be_set_and_starts_again_from_its_seed(played: Played) -> None:
    wanted = {"seed": 3, "mix": {"html_503": 0.3, "callback_lost": 0.5}}

    played.control("POST", "chaos", wanted)
    first = fates(played, 20)
    played.control("POST", "reset")
    played.control("POST", "chaos", wanted)
    second = fates(played, 20)
    played.pass_time(seconds=1)

    assert first == second
    assert {status for status, _ in first} == {200, 503}
    paid = sum(each["status"] == "succeeded" for each in played.control("GET", "ledger")["payments"])
    assert 0 < len(played.organisation.posts) < paid


def test_a_chosen_scenario_wins_over_chaos(played: Played) -> None:
    played.control("POST", "chaos", {"mix": {"html_503": 1}})

    assert [played.push(10).status, played.push(811).status] == [503, 200]


@pytest.mark.parametrize("mix", [{"gremlins": 0.1}, {"html_503": 0.6, "empty_500": 0.5}, {"html_503": 2}])
def test_chaos_that_cannot_be_played_is_refused(played: Played, mix: dict[str, float]) -> None:
    assert played.ask("POST", "/mpesa-control/_admin/chaos", {"mix": mix}).status == 400


def test_chaos_knows_every_way_to_go_wrong() -> None:
    assert len(ANSWERINGS) == len(Answering) - 1
    assert {"callback_twice", "queue_timeout", "query_contradicts"} <= set(TELLINGS)
