"""The control plane: the truth, what customers do by hand, the certificate; and settings that are wrong."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from pydantic import ValidationError

from shared.provider_kit.simulator import SimulatorEnvironment
from shared.provider_kit.simulator.played import MovedClock
from shared.providers.mpesa.simulator import build_mpesa_simulator
from shared.providers.mpesa.tests.simulator.keys import pair
from shared.providers.mpesa.tests.simulator.played import (
    OURS,
    SETTINGS,
    SHORTCODE,
    TEN_O_CLOCK,
    Organisation,
    Played,
    read,
)

LEDGER = "/mpesa-control/_admin/ledger"


def test_the_control_plane_is_there_only_when_it_is_opened_and_only_from_loopback(tmp_path: Path) -> None:
    closed, opened = Played(tmp_path / "closed", admin="0"), Played(tmp_path / "opened")

    answers = [closed.ask("GET", LEDGER), opened.ask("GET", LEDGER, near=False), opened.ask("GET", LEDGER)]

    assert [answer.status for answer in answers] == [404, 404, 200]
    closed.simulator.close()
    opened.simulator.close()


def test_the_certificate_is_for_everybody(tmp_path: Path) -> None:
    played = Played(tmp_path, admin="0")

    answer = played.ask("GET", "/mpesa-control/certificate", near=False)

    assert answer.body.decode() == pair()[0]
    assert x509.load_pem_x509_certificate(answer.body).not_valid_after_utc.year == 2018
    played.simulator.close()


def test_a_pair_is_made_once_and_kept(tmp_path: Path) -> None:
    certificates = []
    for _ in range(2):
        played = Played(tmp_path, certificate_pem="", private_key_pem="")
        certificates.append(played.ask("GET", "/mpesa-control/certificate").body)
        played.send(100, key=str(len(certificates)))
        played.pass_time(seconds=1)
        assert played.organisation.posts[0].result()["ResultCode"] == 0
        played.simulator.close()

    assert certificates[0] == certificates[1] != pair()[0].encode()
    assert (tmp_path / "private_key.pem").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("asked", "code", "status"),
    [
        ({"action": "enters_pin"}, "0", "succeeded"),
        ({"action": "enters_wrong_pin"}, "2001", "failed"),
        ({"action": "cancels"}, "1032", "failed"),
        ({"action": "does_not_answer"}, "1037", "failed"),
        ({"action": "lets_it_expire"}, "1019", "failed"),
        ({"action": "has_no_money"}, "1", "failed"),
        ({"result_code": "E3008"}, "E3008", "failed"),
        ({"result_code": "0"}, "0", "succeeded"),
    ],
)
def test_a_customer_acts_by_hand_once(played: Played, asked: dict[str, str], code: str, status: str) -> None:
    checkout_id = read(played.push(748))["CheckoutRequestID"]

    moved = played.control("POST", f"payments/{checkout_id}/transition", asked)
    played.settle()
    again = played.ask("POST", f"/mpesa-control/_admin/payments/{checkout_id}/transition", asked)
    played.pass_time(minutes=5)

    assert (moved["id"], moved["result_code"], moved["status"]) == (checkout_id, code, status)
    assert again.status == 409
    assert [str(post.stk()["ResultCode"]) for post in played.organisation.posts] == [code]


def test_a_customer_acts_before_the_scenario_does(played: Played) -> None:
    checkout_id = read(played.push(10))["CheckoutRequestID"]
    played.control("POST", f"payments/{checkout_id}/transition", {"action": "cancels"})

    played.pass_time(seconds=5)

    assert [post.stk()["ResultCode"] for post in played.organisation.posts] == [1032]


@pytest.mark.parametrize("body", [{}, {"action": "dances"}, {"action": "cancels", "result_code": "0"}, b"{"])
def test_an_act_that_is_none_is_refused(played: Played, body: object) -> None:
    checkout_id = read(played.push(748))["CheckoutRequestID"]

    assert played.ask("POST", f"/mpesa-control/_admin/payments/{checkout_id}/transition", body).status == 400
    assert played.ask("POST", "/mpesa-control/_admin/payments/ws_CO_0/transition", {"action": "cancels"}).status == 404


@pytest.mark.parametrize(
    "changes",
    [{"amount": 1050}, {"amount": 0}, {"amount": 10.0}, {"currency": "USD"}, {"phone": "0708374149"}, {"till": "x"}],
)
def test_a_payment_by_hand_is_of_whole_shillings_by_a_kenyan_phone(played: Played, changes: dict[str, object]) -> None:
    asked = {"till": SHORTCODE, "account": "A", "amount": 1000, "currency": "KES", "phone": "+254708374149"}

    assert played.ask("POST", "/mpesa-control/_admin/c2b", {**asked, **changes}).status == 400
    assert played.ask("POST", "/mpesa-control/_admin/c2b", asked).status == 200


def test_the_ledger_tells_by_our_id_and_by_the_account_reference(played: Played) -> None:
    played.paid(10)

    told = played.control("GET", "ledger")["by_reference"]
    alone = played.control("GET", f"ledger?reference={OURS}")

    expected = {
        "payments": 1,
        "captures": 0,
        "refunds": 0,
        "payouts": 0,
        "posts_executed": 1,
        "captured_minor": 1000,
        "refunded_minor": 0,
        "paid_out_minor": 0,
        "idempotency_keys": [],
    }
    assert told == {OURS: expected, "0123456789AB": expected}
    assert alone["by_reference"] == {OURS: expected}
    assert [each["merchant_reference"] for each in alone["payments"]] == [OURS]


def test_deliveries_are_listed_without_their_secrets(played: Played) -> None:
    played.push()
    played.pass_time(seconds=1)

    (delivery,) = played.control("GET", "deliveries")["deliveries"]

    assert delivery["url"].endswith(f"/payment/{OURS}/…")
    assert (delivery["state"], delivery["last_status"], delivery["attempts"]) == ("delivered", 200, 1)


def test_a_reset_forgets_everything_but_the_keys(played: Played) -> None:
    played.register()
    played.paid(10)
    certificate = played.ask("GET", "/mpesa-control/certificate").body

    played.control("POST", "reset")

    assert played.push().status == 404
    played.new_token()
    assert played.control("GET", "ledger")["receipts"] == []
    assert played.register().status == 200
    assert played.ask("GET", "/mpesa-control/certificate").body == certificate


@pytest.mark.parametrize(
    "change",
    [
        {"consumer_key": ""},
        {"shortcode": "12"},
        {"time_scale": "0"},
        {"delay_ms": "-1"},
        {"pending_variant": "5000"},
        {"chaos_rate": "1.5"},
        {"private_key_pem": "-----BEGIN NOTHING-----"},
        {"private_key_pem": ""},
    ],
    ids=repr,
)
def test_a_wrong_setting_is_refused(tmp_path: Path, change: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Played(tmp_path, **change)


def test_a_missing_setting_is_named(tmp_path: Path) -> None:
    settings = {name: value for name, value in SETTINGS.items() if name != "passkey"}
    environment = SimulatorEnvironment(
        folder=tmp_path, settings=settings, clock=MovedClock(TEN_O_CLOCK), post=Organisation()
    )

    with pytest.raises(ValidationError, match="passkey"):
        build_mpesa_simulator(environment)


def test_keys_may_come_on_one_line(tmp_path: Path) -> None:
    certificate, private_key = (pem.replace("\n", "\\n") for pem in pair())

    played = Played(tmp_path, certificate_pem=certificate, private_key_pem=private_key)

    assert played.ask("GET", "/mpesa-control/certificate").body.decode() == pair()[0]
    played.simulator.close()


PROGRAM = """
import os, pathlib, signal
from shared.providers.mpesa.tests.simulator.played import Played
played = Played(pathlib.Path({folder!r}), certificate_pem="", private_key_pem="")
played.push(10)
played.push(916, PhoneNumber="254711000000", PartyA="254711000000")
played.send(100)
played.register()
played.pay_by_hand()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_simulator_that_is_killed_forgets_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    program = PROGRAM.format(folder=str(folder))
    killed = subprocess.run([sys.executable, "-c", program], check=False, cwd=os.getcwd(), timeout=60)  # noqa: S603, PTH109 - our own program
    assert killed.returncode == -signal.SIGKILL

    played = Played(folder, certificate_pem="", private_key_pem="")
    played.pass_time(seconds=1)
    repeated = played.send(100)

    accounts = played.control("GET", "ledger")["accounts"]
    told = [json.loads(post.body) for post in played.organisation.posts]
    assert accounts[SHORTCODE] == (10 + 916 - 100 + 500) * 100
    assert sum("Body" in each for each in told) == 2
    assert sum("Result" in each for each in told) == 1
    assert len(played.organisation.at("/validate")) == 1
    assert len(played.organisation.at("/confirm")) == 3
    assert read(repeated)["errorCode"] == "500.002.1001"
    played.simulator.close()


def test_what_fell_due_while_it_was_away_happens_at_the_first_tick(played: Played) -> None:
    played.push(10)
    played.clock.pass_time(hours=1)
    played.restart()

    played.settle()

    assert [post.stk()["ResultCode"] for post in played.organisation.posts] == [0]


def test_a_callback_that_is_owed_is_sent_after_a_restart(played: Played) -> None:
    played.push(815)
    played.pass_time(seconds=1)
    played.restart()

    played.pass_time(minutes=3)

    assert len(played.organisation.posts) == 1
