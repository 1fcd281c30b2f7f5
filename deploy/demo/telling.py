"""Says on the console what happens, as it happens."""

import time
from datetime import datetime

from rich.console import Console
from rich.markup import escape

from deploy.demo.endpoints import DemoFailed
from deploy.demo.hops import Hop, hops_of
from deploy.demo.merchant import Frames, Json, Merchant

PATIENCE_SECONDS = 60.0


class Teller:
    def __init__(self, merchant: Merchant, console: Console) -> None:
        self._merchant, self._console = merchant, console
        self._shown: set[Hop] = set()

    def title(self, text: str) -> None:
        self._console.print(f"\n[bold]{escape(text)}[/bold]")

    def done(self, text: str) -> None:
        self._console.print(f"  [green]✓[/green] {escape(text)}", soft_wrap=True, highlight=False)

    def follow(self, payment_id: str, last_frame: str, needed: tuple[str, ...], frames: Frames) -> Json:
        """Show each hop as it happens, until the frame of the last one is here; the payment as it is then."""
        give_up_at, last_frame_came = time.monotonic() + PATIENCE_SECONDS, False
        payment = self._merchant.payment(payment_id)
        while not (last_frame_came and _has_all(payment, needed)):
            if time.monotonic() > give_up_at:
                raise DemoFailed(f"{payment_id}: no {last_frame} within {PATIENCE_SECONDS:.0f} s (make logs)")
            frame = frames.next(0.02)
            if frame is not None and frame.get("transaction_id") == payment_id:
                last_frame_came |= frame["type"] == last_frame
                self._hop("WebSocket", f"frame {frame['sequence']}: {frame['type']}", "magenta")
            else:
                payment = self._merchant.payment(payment_id)
                self._show_new(payment)
        return payment

    def _show_new(self, payment: Json) -> None:
        began = datetime.fromisoformat(payment["created_at"])
        for hop in hops_of(payment):
            if hop not in self._shown:
                self._shown.add(hop)
                since = (hop.at - began).total_seconds() * 1000
                self._hop(f"+{since:.0f} ms", hop.text, "cyan")

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
