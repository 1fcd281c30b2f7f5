"""A running system as a merchant, a provider and an operator meet it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2

from deploy.local.system import LocalSystem

Json = dict[str, Any]

LEDGERS = {"mpesa": "/mpesa-control/_admin/ledger", "stripe": "/stripe/_admin/ledger"}

FINISHED = {"completed", "failed", "expired", "cancelled", "partially_refunded", "refunded"}


class System:
    """Addresses, credentials, and the means to kill and restart every part."""

    def __init__(self, local: LocalSystem) -> None:
        self.local = local
        self.env_file: Path = local.state.gateway_env
        self.environment = local.environment()
        self.merchant = Merchant(self.environment)

    def close(self) -> None:
        self.merchant.http.close()

    def captured(self, payment_id: str) -> "Captured":
        """What the provider itself knows of a payment: the oracle."""
        payments = [each for each in self.ledger()["payments"] if each["merchant_reference"] == payment_id]
        return Captured(
            len(payments),
            sum(each["captured_minor"] for each in payments),
            sum(each["refunded_minor"] for each in payments),
        )

    def books(self, provider: str, reference: str) -> "Books":
        """What a provider's simulator knows under one of our ids."""
        url = f"{self.environment['SIMULATOR_URL']}{LEDGERS[provider]}"
        told = httpx2.get(url, trust_env=False).raise_for_status().json()["by_reference"].get(reference, {})
        return Books(
            payments=told.get("payments", 0),
            payouts=told.get("payouts", 0),
            captured=told.get("captured_minor", 0),
            refunded=told.get("refunded_minor", 0),
            paid_out=told.get("paid_out_minor", 0),
        )

    def post_callback(self, path: str, body: Json) -> httpx2.Response:
        """As anybody can who knows our address."""
        url = f"{self.environment['INGEST_URL']}/api/v1/webhooks/{path}"
        return httpx2.post(url, json=body, trust_env=False)

    def paid_out(self, payout_id: str) -> list[tuple[int, str]]:
        """Amount in minor units and status of each payout that the provider has for one of ours."""
        ours = [each for each in self.ledger()["payouts"] if each["merchant_reference"] == payout_id]
        return [(each["amount"], each["status"]) for each in ours]

    def pay_at_till(self, till: str, account: str, amount_minor: int) -> None:
        """A customer pays, unasked."""
        asked = {
            "till": till,
            "account": account,
            "amount": amount_minor,
            "currency": "KES",
            "phone": "+254700000000",
        }
        simulator = self.environment["SIMULATOR_URL"]
        httpx2.post(f"{simulator}/_admin/till_payments", json=asked, trust_env=False).raise_for_status()

    def ledger(self) -> Json:
        """The provider's books."""
        simulator = self.environment["SIMULATOR_URL"]
        books: Json = httpx2.get(f"{simulator}/_admin/ledger", trust_env=False).json()
        return books


@dataclass(frozen=True, kw_only=True)
class Books:
    """How often, and sums in minor units."""

    payments: int
    payouts: int
    captured: int
    refunded: int
    paid_out: int


@dataclass(frozen=True)
class Captured:
    """``payments`` that the provider has for one of ours; sums in minor units."""

    payments: int
    captured: int
    refunded: int


class Merchant:
    def __init__(self, environment: dict[str, str]) -> None:
        self._secrets = {
            "api_key_id": environment["API_KEY_ID"],
            "api_key_secret": environment["API_KEY_SECRET"],
        }
        self.http = httpx2.Client(base_url=f"{environment['API_URL']}/api/v1", timeout=15, trust_env=False)
        self._signed_in_at = 0.0

    def sign_in(self) -> Json:
        token: Json = self.http.post("/auth/token", json=self._secrets).raise_for_status().json()
        self.http.headers["Authorization"] = f"Bearer {token['access_token']}"
        self._signed_in_at = time.monotonic()
        return token

    def initialize(self, amount: str = "1000.00", *, key: str | None = None, **changed: object) -> httpx2.Response:
        self._stay_signed_in()
        body = {
            "provider": "cpay",
            "amount": amount,
            "currency": "KES",
            "customer": {"phone": "+254700000000"},
            "metadata": {},
        } | changed
        return self.http.post("/payments/initialize", json=body, headers={"Idempotency-Key": key or str(uuid4())})

    def pay(self, amount: str = "1000.00", *, scenario: str | None = None) -> Json:
        """An accepted payment, in one of the simulator's scenarios."""
        metadata = {} if scenario is None else {"scenario": scenario}
        answer = self.initialize(amount, metadata=metadata)
        assert answer.status_code == 202, answer.text
        payment: Json = answer.json()
        return payment

    def refund(self, payment_id: str, amount: str, *, key: str | None = None) -> httpx2.Response:
        self._stay_signed_in()
        return self.http.post(
            f"/payments/{payment_id}/refund",
            json={"amount": amount, "reason": "Customer request"},
            headers={"Idempotency-Key": key or str(uuid4())},
        )

    def capture(self, payment_id: str, amount: str, *, final: bool = True) -> httpx2.Response:
        self._stay_signed_in()
        return self.http.post(
            f"/payments/{payment_id}/capture",
            json={"amount": amount, "final": final},
            headers={"Idempotency-Key": str(uuid4())},
        )

    def cancel(self, payment_id: str, *, prefer: str = "") -> httpx2.Response:
        self._stay_signed_in()
        headers = {"Idempotency-Key": str(uuid4()), "Prefer": prefer}
        # The answer may be waited for longer than any other.
        return self.http.post(f"/payments/{payment_id}/cancel", json={}, headers=headers, timeout=35)

    def pay_out(self, amount: str, *, key: str | None = None, **changed: object) -> httpx2.Response:
        self._stay_signed_in()
        body = {
            "provider": "cpay",
            "amount": amount,
            "currency": "KES",
            "recipient": {"phone": "+254700000002"},
            "reason": "Winnings",
        } | changed
        return self.http.post("/payouts", json=body, headers={"Idempotency-Key": key or str(uuid4())})

    def finished_payout(self, payout_id: str, *, within_seconds: float = 90) -> Json:
        """The payout, once it is finished."""
        give_up_at = time.monotonic() + within_seconds
        while True:
            self._stay_signed_in()
            payout: Json = self.http.get(f"/payouts/{payout_id}").raise_for_status().json()
            if payout["status"] in {"succeeded", "failed"}:
                return payout
            assert time.monotonic() < give_up_at, f"last seen: {payout['status']} {payout['attempts']}"
            time.sleep(0.1)

    def listed(self) -> list[Json]:
        """The newest payments."""
        self._stay_signed_in()
        page: Json = self.http.get("/payments", params={"limit": 100}).raise_for_status().json()
        return list(page["data"])

    def payment(self, payment_id: str) -> Json:
        self._stay_signed_in()
        found: Json = self.http.get(f"/payments/{payment_id}").raise_for_status().json()
        return found

    def finished(self, payment_id: str, *, within_seconds: float = 45) -> Json:
        """The payment, once it is finished."""
        return self.wait(payment_id, lambda payment: payment["status"] in FINISHED, within_seconds=within_seconds)

    def wait(self, payment_id: str, until: Callable[[Json], bool], *, within_seconds: float = 45) -> Json:
        give_up_at = time.monotonic() + within_seconds
        last: Json = {}
        while time.monotonic() < give_up_at:
            try:
                last = self.payment(payment_id)
            except httpx2.HTTPError:
                time.sleep(0.3)
                continue
            if until(last):
                return last
            time.sleep(0.1)
        raise AssertionError(f"not within {within_seconds} s; last seen: {last.get('status')} {last.get('attempts')}")

    def _stay_signed_in(self) -> None:
        if time.monotonic() - self._signed_in_at > 600 or self._signed_in_at == 0:
            self.sign_in()
