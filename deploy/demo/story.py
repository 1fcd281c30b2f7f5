"""The demo's steps, in order; each checks that it really happened."""

import time
from uuid import uuid4

from rich.console import Console

from deploy.demo.endpoints import DemoFailed
from deploy.demo.merchant import Frames, Json, Merchant
from deploy.demo.other_providers import OtherProviders
from deploy.demo.telling import Teller

PAID_HOPS = (
    "queued payment.initialize.v1",
    "payment.processing",
    "called payment.initialize",
    "callback payment.succeeded",
    "payment.completed",
)
REFUNDED_HOPS = ("queued refund.initialize.v1", "called refund.initialize", "callback refund.succeeded")


class Story:
    def __init__(self, merchant: Merchant, console: Console) -> None:
        self._merchant, self._teller = merchant, Teller(merchant, console)

    def tell(self) -> Json:
        """All of it; the payment that was refunded. Raises ``DemoFailed`` at the first step that did not happen."""
        self._teller.title("Sign in")
        self._merchant.sign_in()
        self._teller.done("an access token for 15 minutes")
        with self._merchant.listening(f"/ws/user/{self._merchant.user_id}") as frames:
            self._teller.done(f"WebSocket open: /ws/user/{self._merchant.user_id}")
            payment = self._pay(frames)
            self._refund(payment, frames)
            self._decline(frames)
            OtherProviders(self._merchant, self._teller, frames).tell()
        return self._merchant.payment(payment["id"])

    def _pay(self, frames: Frames) -> Json:
        self._teller.title("Pay KES 1,000.00 with CPay")
        key, started = str(uuid4()), time.perf_counter()
        first = self._merchant.initialize("1000.00", key, "ORD-12345")
        milliseconds = (time.perf_counter() - started) * 1000
        if first.status_code != 202:
            raise DemoFailed(f"initialize: HTTP {first.status_code}: {first.text[:300]}")
        payment: Json = first.json()
        self._teller.done(f"HTTP 202 in {milliseconds:.0f} ms: {payment['id']} is {payment['status']}")
        self._teller.follow(payment["id"], "payment.completed", PAID_HOPS, frames)
        self._replay(first.content, key)
        return payment

    def _replay(self, first_body: bytes, key: str) -> None:
        self._teller.title("Send the same request again, with the same Idempotency-Key")
        again = self._merchant.initialize("1000.00", key, "ORD-12345")
        if again.content != first_body or again.headers.get("Idempotent-Replayed") != "true":
            raise DemoFailed("the repeated request did not get the first answer, byte for byte")
        self._teller.done(
            f"HTTP {again.status_code}, Idempotent-Replayed: true, the same {len(first_body)} bytes; no second payment"
        )

    def _refund(self, payment: Json, frames: Frames) -> None:
        self._teller.title("Refund KES 400.00")
        refund = self._merchant.refund(payment["id"], "400.00")
        self._teller.done(f"HTTP 202: refund {refund['id']} is {refund['status']}")
        now = self._teller.follow(payment["id"], "payment.partially_refunded", REFUNDED_HOPS, frames)
        if now["amount_refunded"] != "400.00":
            raise DemoFailed(f"KES {now['amount_refunded']} refunded instead of 400.00")
        self._teller.done(f"the payment is {now['status']}: KES {now['amount_refunded']} of {now['amount']} given back")

    def _decline(self, frames: Frames) -> None:
        self._teller.title("A payment that is declined: KES 100.01 (CPay's simulator: insufficient funds)")
        answer = self._merchant.initialize("100.01", str(uuid4()), "ORD-12346")
        if answer.status_code != 202:
            raise DemoFailed(f"initialize: HTTP {answer.status_code}: {answer.text[:300]}")
        declined: Json = answer.json()
        self._teller.done(f"HTTP 202: {declined['id']} is {declined['status']}")
        failure = self._teller.follow(declined["id"], "payment.failed", ("payment.failed",), frames)["failure"]
        if failure["code"] != "insufficient_funds":
            raise DemoFailed(f"failed with {failure['code']} instead of insufficient_funds")
        self._teller.done(f"failure.code is {failure['code']}: {failure['message']}")
        self._teller.done(f"for the customer: {failure['customer_message']['sw']}")
