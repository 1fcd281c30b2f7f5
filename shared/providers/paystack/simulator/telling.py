"""Who is told what, when: events, their callbacks as the scenario wants them, and the signatures on them."""

import hashlib
import hmac
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.provider_kit.simulator import CallbackQueue, Delivery, nobodys
from shared.provider_kit.simulator.callbacks import EARLY_RESCUE_MS, milliseconds
from shared.providers.paystack.simulator.books import RefundRow, TransactionRow
from shared.providers.paystack.simulator.exchange import Json, compact
from shared.providers.paystack.simulator.resources import refund_news_json, transaction_json
from shared.providers.paystack.simulator.scenarios import (
    Channel,
    RefundStatus,
    Telling,
    TransactionStatus,
)
from shared.providers.paystack.simulator.settings import PaystackSimulatorSettings
from shared.runtime.clock import Clock

FOREIGN_KEY = "sk_test_of_nobody_here"

REPEATED_COPIES = 5
COPIES: Mapping[Telling, int] = {Telling.TWICE: 2, Telling.REPEATED: REPEATED_COPIES}


class Signer:
    """Signs with the API key, as Paystack does; the time is not part of it."""

    def __init__(self, api_key: str) -> None:
        self._api_key = api_key

    def __call__(self, delivery: Delivery, now: datetime) -> Mapping[str, str]:  # noqa: ARG002 - as every signer
        key = FOREIGN_KEY if delivery.variant == Telling.WRONG_KEY else self._api_key
        signature = hmac.new(key.encode(), delivery.body, hashlib.sha512).hexdigest()
        return {"content-type": "application/json", "x-paystack-signature": signature}


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Something to tell. ``is_ahead``: it is to reach the receiver before our answer does."""

    event: str
    subject: str
    told: Json
    telling: Telling
    hold_back_ms: int = 0


class Teller:
    """Writes callbacks into the transaction that makes them true."""

    def __init__(self, settings: PaystackSimulatorSettings, clock: Clock, queue: CallbackQueue) -> None:
        self._settings = settings
        self._clock = clock
        self._queue = queue

    def tell_transaction(
        self, connection: sqlite3.Connection, row: TransactionRow, *, is_ahead: bool = False
    ) -> tuple[int, ...]:
        """Tell what became of a payment, where Paystack tells that; the callbacks' ids."""
        if not is_told(row):
            return ()
        hold_back_ms = EARLY_RESCUE_MS if is_ahead else 0
        event = f"charge.{row.status}"
        news = News(
            event=event,
            subject=row.reference,
            told=transaction_json(row),
            telling=row.scenario.telling,
            hold_back_ms=hold_back_ms,
        )
        return self._tell(connection, news)

    def tell_refund(self, connection: sqlite3.Connection, row: RefundRow, payment: TransactionRow) -> None:
        """Tell what the refund's status is now."""
        is_first = row.status is RefundStatus.PENDING
        is_late = is_first and row.scenario.telling is Telling.OUT_OF_ORDER
        news = News(
            event=f"refund.{row.status}",
            subject=f"{row.id}.{row.status}",
            told=refund_news_json(row, payment),
            telling=row.scenario.telling,
            hold_back_ms=3 * self._settings.delay_ms + 100 if is_late else 0,
        )
        self._tell(connection, news)

    def _tell(self, connection: sqlite3.Connection, news: News) -> tuple[int, ...]:
        if news.telling is Telling.NEVER or not self._settings.callback_url:
            return ()
        sent = tuple(self._send(connection, news, news.event) for _ in range(COPIES.get(news.telling, 1)))
        if news.telling is Telling.UNKNOWN_TYPE:
            sent += (self._send(connection, news, f"{news.event.partition('.')[0]}.teleported"),)
        return sent

    def _send(self, connection: sqlite3.Connection, news: News, event: str) -> int:
        return self._queue.add(
            connection,
            event_id=f"{event}:{news.subject}",
            url=self._settings.callback_url,
            body=compact({"event": event, "data": as_told(news)}),
            due_at_ms=milliseconds(self._clock.now()) + news.hold_back_ms,
            variant=news.telling,
        )


def is_told(row: TransactionRow) -> bool:
    """Every success is told, a failure only where a phone was asked; nothing else is."""
    if row.status is TransactionStatus.SUCCESS:
        return True
    return row.status is TransactionStatus.FAILED and row.channel is Channel.MOBILE_MONEY


def as_told(news: News) -> Json:
    """The truth, unless the callbacks are to mislead."""
    told = news.told
    match news.telling:
        case Telling.OTHER_AMOUNT:
            return {**told, "amount": int(str(told["amount"])) + 1}
        case Telling.UNKNOWN_REFERENCE:
            return {
                **told,
                **{name: nobodys(told[name]) for name in ("reference", "transaction_reference", "id") if name in told},
            }
        case Telling.UNNAMED:
            return {name: said for name, said in told.items() if name not in {"id", "customer_note", "merchant_note"}}
        case _:
            return told
