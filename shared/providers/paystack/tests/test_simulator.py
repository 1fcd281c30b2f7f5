"""The simulator's own rules: what it remembers, what it tells, how it is made to fail, and who may look."""

import json
from pathlib import Path

import pytest

from shared.domain.outcome import Declined, NotSent, Pending, Succeeded
from shared.provider_kit.simulator import CallbackAnswer
from shared.providers.paystack.simulator.scenarios import SCENARIOS
from shared.providers.paystack.simulator.settings import PaystackSimulatorSettings
from shared.providers.paystack.tests.played import (
    BY_PHONE,
    Played,
    playing,
    query_of,
    query_of_refund,
    refund_of,
)

README = Path(__file__).parent.parent / "README.md"


def test_every_path_of_merchants_wants_the_key(played: Played) -> None:
    paths = (
        "POST /transaction/initialize",
        "POST /charge",
        "GET /transaction/verify/a",
        "POST /refund",
        "GET /balance",
    )

    for method, path in (each.split(" ") for each in paths):
        assert played.ask(method, path, api_key="sk_test_wrong").status == 401


def test_what_was_answered_and_what_is_owed_survive_a_kill(played: Played) -> None:
    request = playing("succeeds")
    played.adapter().initialize_payment(request)

    played.restart()
    played.pass_time(seconds=1)

    assert played.truth(request.transaction_id)["captured_minor"] == 100_000
    assert played.shop.events() == ["charge.success"]


def test_callbacks_are_repeated_every_3_minutes_then_hourly_and_then_given_up(played: Played) -> None:
    played.shop.answer = CallbackAnswer(status=500)
    played.paid()

    counts = []
    for seconds in (180, 180, 180, 3600, 3600):
        played.pass_time(seconds=seconds - 1)
        before = len(played.shop.callbacks)
        played.pass_time(seconds=1)
        counts.append((before, len(played.shop.callbacks)))
    for _ in range(80):
        played.pass_time(hours=1)

    assert counts == [(1, 2), (2, 3), (3, 4), (4, 5), (5, 6)]
    assert len(played.shop.callbacks) == 1 + 3 + 72
    [delivery] = played.told("GET", "/_admin/deliveries")["deliveries"]
    assert delivery["state"] == "given_up"
    assert len({callback.body for callback in played.shop.callbacks}) == 1
    assert len({callback.headers["x-paystack-signature"] for callback in played.shop.callbacks}) == 1


@pytest.mark.parametrize(
    ("scenario", "events"),
    [
        ("succeeds", ["charge.success"]),
        ("webhook_twice", ["charge.success"] * 2),
        ("webhook_repeated", ["charge.success"] * 5),
        ("webhook_lost", []),
        ("webhook_unknown_type", ["charge.success", "charge.teleported"]),
        ("insufficient_funds", []),
        ("unknown_status", []),
        ("never_resolves", []),
    ],
)
def test_a_payment_is_told_as_its_scenario_says(played: Played, scenario: str, events: list[str]) -> None:
    played.paid(scenario)

    assert played.shop.events() == events


def test_news_of_an_unknown_payment_names_none_of_ours(played: Played) -> None:
    request = played.paid("webhook_unknown_reference")

    [callback] = played.shop.callbacks
    assert str(request.transaction_id).encode() not in callback.body
    assert played.adapter().verify_webhook(callback).event_type == "charge.success"


def test_an_early_callback_is_there_before_the_answer(played: Played) -> None:
    played.adapter(mobile_money=True).initialize_payment(playing("webhook_early", BY_PHONE))

    assert played.shop.events() == ["charge.success"]


@pytest.mark.parametrize(
    ("amount_minor", "events"),
    [
        (40_000, ["refund.processed"]),
        (10_035, ["refund.pending", "refund.processing", "refund.processed"]),
        (10_031, ["refund.failed"]),
        (10_032, ["refund.processed", "refund.failed"]),
        (10_036, ["refund.needs-attention"]),
        (10_037, ["refund.pending", "refund.processed"]),
        (10_014, []),
    ],
)
def test_a_refund_is_told_as_its_own_amount_says(played: Played, amount_minor: int, events: list[str]) -> None:
    played.adapter().refund_payment(refund_of(played.paid("webhook_lost"), amount_minor))
    for _ in range(3):
        played.pass_time(seconds=1)

    assert played.shop.events() == events


def test_a_refund_that_needs_attention_waits_until_somebody_gives_it(played: Played) -> None:
    adapter, request = played.adapter(), refund_of(played.paid(), 10_036)
    begun = adapter.refund_payment(request)
    assert isinstance(begun, Pending)
    played.pass_time(seconds=1)

    waiting = adapter.verify_refund(query_of_refund(request, begun.reference))
    played.told("POST", f"/_admin/refunds/{begun.reference}/transition", {"status": "processed"})

    assert isinstance(waiting, Pending)
    assert isinstance(adapter.verify_refund(query_of_refund(request, begun.reference)), Succeeded)


def test_a_refund_that_fails_late_gives_the_payment_back_its_standing(played: Played) -> None:
    adapter, payment = played.adapter(), played.paid()
    request = refund_of(payment, 100_000)
    begun = adapter.refund_payment(request)
    assert isinstance(begun, Pending)
    played.pass_time(seconds=1)

    played.told("POST", f"/_admin/refunds/{begun.reference}/transition", {"status": "failed"})

    assert isinstance(adapter.verify_refund(query_of_refund(request)), Declined)
    assert isinstance(adapter.verify_payment(query_of(payment)), Succeeded)
    assert played.truth(payment.transaction_id)["refunded_minor"] == 0


def test_what_is_promised_to_one_refund_is_not_given_to_another(played: Played) -> None:
    adapter, payment = played.adapter(), played.paid()

    outcomes = [adapter.refund_payment(refund_of(payment, amount)) for amount in (60_000, 50_000, 40_000, 1)]

    assert [type(outcome) for outcome in outcomes] == [Pending, Declined, Pending, Declined]


def test_a_payment_that_was_reversed_is_not_paid_and_not_refunded(played: Played) -> None:
    adapter, request = played.adapter(), playing("never_resolves")
    adapter.initialize_payment(request)
    played.told("POST", f"/_admin/transactions/{request.transaction_id}/transition", {"status": "reversed"})

    outcome = adapter.verify_payment(query_of(request))

    assert isinstance(outcome, Declined)
    assert outcome.provider_code == "reversed"
    assert isinstance(adapter.refund_payment(refund_of(request, 100)), Declined)


def test_a_fault_is_played_as_often_as_it_was_armed(played: Played) -> None:
    adapter, request = played.adapter(), playing("succeeds")
    played.told("POST", "/_admin/faults", {"rule": "throttled", "times": 2})

    outcomes = [adapter.initialize_payment(request) for _ in range(3)]

    assert [type(outcome) for outcome in outcomes] == [NotSent, NotSent, Pending]
    assert played.told("GET", "/_admin/faults") == {"rules": []}


def test_the_truth_is_told_to_nobody_from_elsewhere_and_nowhere_where_it_is_closed(
    played: Played, tmp_path: Path
) -> None:
    closed = Played(tmp_path / "closed", admin="0")

    assert played.ask("GET", "/_admin/ledger").status == 200
    assert played.ask("GET", "/_admin/ledger", near=False).status == 404
    assert closed.ask("GET", "/_admin/ledger").status == 404
    closed.simulator.close()


def test_the_truth_about_one_reference_is_that_alone(played: Played) -> None:
    request, _ = played.paid(), played.paid()

    told = played.told("GET", f"/_admin/ledger?reference={request.transaction_id}")["by_reference"]

    assert list(told) == [str(request.transaction_id)]


def test_a_reset_forgets_everything(played: Played) -> None:
    request = played.paid()

    played.told("POST", "/_admin/reset")

    assert played.truth(request.transaction_id) == {}
    assert isinstance(played.adapter().verify_payment(query_of(request)), NotSent)


@pytest.mark.parametrize("query", ["page=0", "page=a", "perPage=101", "from=yesterday", "to=1e9"])
def test_a_list_that_is_asked_for_wrongly_is_refused(played: Played, query: str) -> None:
    assert played.ask("GET", f"/transaction?{query}").status == 400


@pytest.mark.parametrize(
    "change",
    [{"email": "nobody"}, {"amount": 0}, {"amount": 1.5}, {"amount": "100"}, {"reference": "a b"}, {"reference": ""}],
    ids=repr,
)
def test_a_payment_that_is_asked_for_wrongly_is_refused(played: Played, change: dict[str, object]) -> None:
    body = {"email": "a@example.com", "amount": 100, "currency": "NGN", "reference": "ours", **change}

    told = played.told("POST", "/transaction/initialize", body)

    assert (told["status"], told["type"]) == (False, "validation_error")
    assert played.truth("ours") == {}


def test_every_scenario_has_its_own_digits_and_name_and_is_in_the_readme() -> None:
    page = README.read_text(encoding="utf-8")

    assert len({each.digits for each in SCENARIOS}) == len({each.name for each in SCENARIOS}) == len(SCENARIOS)
    assert [each.name for each in SCENARIOS if f"| {each.digits} | `{each.name}` |" not in page] == []


def test_every_setting_is_in_the_readme() -> None:
    page = README.read_text(encoding="utf-8")

    assert [name for name in PaystackSimulatorSettings.model_fields if f"`PAYSTACK_{name.upper()}`" not in page] == []


def test_a_page_says_what_is_written_there_and_nothing_that_is_run(played: Played) -> None:
    body = {"email": "a@example.com", "amount": 100, "currency": "NGN", "reference": "ours"}
    page = json.loads(played.ask("POST", "/transaction/initialize", json.dumps(body).encode()).body)["data"]

    shown = played.ask("GET", f"/checkout/{page['access_code']}").body

    assert b"NGN 100" in shown
    assert b"<script" not in shown


def test_what_a_refund_that_failed_would_have_given_can_be_given_by_another(played: Played) -> None:
    adapter, payment = played.adapter(), played.paid()
    adapter.refund_payment(refund_of(payment, 90_031))
    played.pass_time(seconds=1)

    assert isinstance(adapter.refund_payment(refund_of(payment, 100_000)), Pending)
