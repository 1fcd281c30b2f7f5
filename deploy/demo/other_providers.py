"""M-Pesa and Stripe in the demo: a prompt, a lost callback, a card, money out, and money that nobody asked for."""

import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx2

from deploy.demo.endpoints import DemoFailed
from deploy.demo.merchant import Frames, Json, Merchant
from deploy.demo.telling import PATIENCE_SECONDS, Teller

# What M-Pesa's simulator does by the last three digits of the shillings.
LOST_CALLBACK = "1813"
TILL = "174379"
TEST_CARD = "pm_card_visa"

ROOT = Path(__file__).parents[2]


class OtherProviders:
    """Each step only where its provider is switched on."""

    def __init__(self, merchant: Merchant, teller: Teller, frames: Frames) -> None:
        self._merchant, self._teller, self._frames = merchant, teller, frames

    def tell(self) -> None:
        active = self._merchant.active_providers()
        if "mpesa" in active:
            self._prompt()
            self._lost_callback()
            self._payout()
            self._till()
        if "stripe" in active:
            self._card()

    def _prompt(self) -> None:
        self._teller.title("Pay KES 1,000 with M-Pesa: a prompt on the customer's phone, a PIN, a receipt")
        payment = self._started(provider="mpesa", amount="1000", customer={"phone": _somebodys_phone()})
        paid = self._followed(payment, ("called payment.initialize", "callback stk", "payment.completed"))
        if not paid["receipt"]:
            raise DemoFailed("M-Pesa's callback brought no receipt")
        self._teller.done(f"receipt {paid['receipt']}, prompt {paid['provider_transaction_id']}")

    def _lost_callback(self) -> None:
        self._teller.title(f"M-Pesa's callback is lost (KES {LOST_CALLBACK}): nobody waits for it in vain")
        payment = self._started(provider="mpesa", amount=LOST_CALLBACK, customer={"phone": _somebodys_phone()})
        paid = self._followed(payment, ("called payment.verify", "payment.completed"))
        if any(entry["event_type"] == "webhook.received" for entry in paid["audit_trail"]):
            raise DemoFailed("a callback came that was to be lost")
        self._teller.done("found by asking M-Pesa")

    def _payout(self) -> None:
        self._teller.title("Send KES 500 to a phone (M-Pesa B2C)")
        payout = self._merchant.payout(provider="mpesa", amount="500", recipient={"phone": _somebodys_phone()})
        self._teller.done(f"HTTP 202: payout {payout['id']} is {payout['status']}")
        sent = _until(lambda: self._merchant.payout_now(payout["id"]), lambda each: each["status"] == "succeeded")
        self._teller.done(f"{sent['status']}: {sent['provider_payout_id']}")

    def _till(self) -> None:
        self._teller.title(f"A customer pays KES 350 at paybill {TILL} by herself (M-Pesa C2B)")
        endpoints, account = self._merchant.endpoints, f"INV{secrets.randbelow(1_000_000):06}"
        if endpoints.operators_file is None or not _can_register(endpoints.operators_file):
            self._teller.done("left out: it needs the simulator's own machine (./payctl sim pay)")
            return
        paid = {"till": TILL, "account": account, "amount": 35_000, "currency": "KES", "phone": "+254708374149"}
        url = f"{endpoints.simulator_url}/mpesa-control/_admin/c2b"
        httpx2.post(url, json=paid, trust_env=False).raise_for_status()
        payment = _until(
            lambda: self._merchant.newest("mpesa"), lambda each: each["metadata"].get("account") == account
        )
        if (payment["status"], payment["source"]) != ("completed", "customer"):
            raise DemoFailed(f"{payment['id']} is {payment['status']}, of {payment['source']}")
        self._teller.done(f"payment {payment['id']} is completed: account {account}, receipt by callback")

    def _card(self) -> None:
        self._teller.title("Pay KES 2,500.00 by card with Stripe")
        payment = self._started(provider="stripe", amount="2500.00", payment_method_token=TEST_CARD, customer={})
        paid = self._followed(payment, ("called payment.initialize", "payment.completed"))
        self._teller.done(f"Stripe's id is {paid['provider_transaction_id']}")

    def _started(self, **order: object) -> Json:
        payment = self._merchant.start(**order)
        self._teller.done(f"HTTP 202: {payment['id']} is {payment['status']}")
        return payment

    def _followed(self, payment: Json, needed: tuple[str, ...]) -> Json:
        return self._teller.follow(payment["id"], "payment.completed", needed, self._frames)


def _can_register(env_file: Path) -> bool:
    """Tell M-Pesa where our callbacks are, as an operator does once; it takes them a second time from nobody."""
    register = ("--env-file", str(env_file), "provider", "register-webhooks", "mpesa")
    done = subprocess.run(
        [sys.executable, "-m", "services.payctl", *register], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.returncode == 0 or "already registered" in f"{done.stdout}{done.stderr}".lower()


def _somebodys_phone() -> str:
    """Another one each time: M-Pesa asks one customer one thing at a time."""
    return f"0712{secrets.randbelow(900_000):06}"


def _until(look: Callable[[], Json], is_enough: Callable[[Json], bool]) -> Json:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    seen = look()
    while not is_enough(seen):
        if time.monotonic() > give_up_at:
            raise DemoFailed(f"{seen.get('id')} is still {seen.get('status')}")
        time.sleep(0.1)
        seen = look()
    return seen
