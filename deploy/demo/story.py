"""The demo's steps, in order; each checks that it really happened."""

import time
from datetime import datetime
from uuid import uuid4

from rich.console import Console
from rich.markup import escape

from deploy.demo.endpoints import DemoFailed
from deploy.demo.hops import Hop, hops_of
from deploy.demo.merchant import Frames, Json, Merchant

PATIENCE_SECONDS = 60.0

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
        self._merchant, self._console = merchant, console
        self._shown: set[Hop] = set()

    def tell(self) -> Json:
        """All of it; the finished payment. Raises ``DemoFailed`` at the first step that did not happen."""
        self._title("Sign in")
        self._merchant.sign_in()
        self._done("an access token for 15 minutes")
        with self._merchant.listening(f"/ws/user/{self._merchant.user_id}") as frames:
            self._done(f"WebSocket open: /ws/user/{self._merchant.user_id}")
            payment = self._pay(frames)
            self._refund(payment, frames)
            self._decline(frames)
        return self._merchant.payment(payment["id"])

    def _pay(self, frames: Frames) -> Json:
        self._title("Pay KES 1,000.00 with CPay")
        key, started = str(uuid4()), time.perf_counter()
        first = self._merchant.initialize("1000.00", key, "ORD-12345")
        milliseconds = (time.perf_counter() - started) * 1000
        if first.status_code != 202:
            raise DemoFailed(f"initialize: HTTP {first.status_code}: {first.text[:300]}")
        payment: Json = first.json()
        self._done(f"HTTP 202 in {milliseconds:.0f} ms: {payment['id']} is {payment['status']}")
        self._follow(payment["id"], "payment.completed", PAID_HOPS, frames)
        self._replay(first.content, key)
        return payment

    def _replay(self, first_body: bytes, key: str) -> None:
        self._title("Send the same request again, with the same Idempotency-Key")
        again = self._merchant.initialize("1000.00", key, "ORD-12345")
        if again.content != first_body or again.headers.get("Idempotent-Replayed") != "true":
            raise DemoFailed("the repeated request did not get the first answer, byte for byte")
        self._done(
            f"HTTP {again.status_code}, Idempotent-Replayed: true, the same {len(first_body)} bytes; no second payment"
        )

    def _refund(self, payment: Json, frames: Frames) -> None:
        self._title("Refund KES 400.00")
        refund = self._merchant.refund(payment["id"], "400.00")
        self._done(f"HTTP 202: refund {refund['id']} is {refund['status']}")
        self._follow(payment["id"], "payment.partially_refunded", REFUNDED_HOPS, frames)
        now = self._merchant.payment(payment["id"])
        if now["amount_refunded"] != "400.00":
            raise DemoFailed(f"KES {now['amount_refunded']} refunded instead of 400.00")
        self._done(f"the payment is {now['status']}: KES {now['amount_refunded']} of {now['amount']} given back")

    def _decline(self, frames: Frames) -> None:
        self._title("A payment that is declined: KES 100.01 (CPay's simulator: insufficient funds)")
        answer = self._merchant.initialize("100.01", str(uuid4()), "ORD-12346")
        if answer.status_code != 202:
            raise DemoFailed(f"initialize: HTTP {answer.status_code}: {answer.text[:300]}")
        declined: Json = answer.json()
        self._done(f"HTTP 202: {declined['id']} is {declined['status']}")
        self._follow(declined["id"], "payment.failed", ("payment.failed",), frames)
        failure = self._merchant.payment(declined["id"])["failure"]
        if failure["code"] != "insufficient_funds":
            raise DemoFailed(f"failed with {failure['code']} instead of insufficient_funds")
        self._done(f"failure.code is {failure['code']}: {failure['message']}")

    def _follow(self, payment_id: str, last_frame: str, needed: tuple[str, ...], frames: Frames) -> None:
        """Show each hop as it happens, until the frame of the last one is here."""
        give_up_at, last_frame_came = time.monotonic() + PATIENCE_SECONDS, False
        payment = self._merchant.payment(payment_id)
        while not (last_frame_came and _has_all(payment, needed)):
            if time.monotonic() > give_up_at:
                raise DemoFailed(f"{payment_id}: no {last_frame} within {PATIENCE_SECONDS:.0f} s (make logs)")
            frame = frames.next(0.02)
            if frame is not None and frame["transaction_id"] == payment_id:
                last_frame_came |= frame["type"] == last_frame
                self._hop("WebSocket", f"frame {frame['sequence']}: {frame['type']}", "magenta")
            else:
                payment = self._merchant.payment(payment_id)
                self._show_new(payment)

    def _show_new(self, payment: Json) -> None:
        began = datetime.fromisoformat(payment["created_at"])
        for hop in hops_of(payment):
            if hop not in self._shown:
                self._shown.add(hop)
                since = (hop.at - began).total_seconds() * 1000
                self._hop(f"+{since:.0f} ms", hop.text, "cyan")

    def _title(self, text: str) -> None:
        self._console.print(f"\n[bold]{escape(text)}[/bold]")

    def _done(self, text: str) -> None:
        self._console.print(f"  [green]✓[/green] {escape(text)}", soft_wrap=True, highlight=False)

    def _hop(self, when: str, text: str, colour: str) -> None:
        self._console.print(f"  [{colour}]{when:>10}[/{colour}]  {escape(text)}", soft_wrap=True, highlight=False)


def _has_all(payment: Json, needed: tuple[str, ...]) -> bool:
    names = {hop.name for hop in hops_of(payment)}
    return all(name in names for name in needed)


def show_timeline(payment: Json, console: Console) -> None:
    """The whole life of one payment in one view."""
    console.print(f"\n[bold]The life of payment {payment['id']}[/bold]")
    began = datetime.fromisoformat(payment["created_at"])
    for hop in hops_of(payment):
        since = (hop.at - began).total_seconds()
        console.print(f"  {since:>8.3f} s  {escape(hop.text)}", soft_wrap=True, highlight=False)
