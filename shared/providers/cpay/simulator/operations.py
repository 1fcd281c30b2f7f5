"""The POSTs of CPay: what each asks for, and its execution together with the record of its answer."""

import hashlib
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import JsonValue

from shared.provider_kit.simulator import LedgerFile, Router
from shared.provider_kit.simulator.callbacks import milliseconds
from shared.providers.cpay.simulator import bookkeeping, modes
from shared.providers.cpay.simulator.bookkeeping import StoredReply
from shared.providers.cpay.simulator.exchange import (
    CancelAsked,
    CaptureAsked,
    PayoutAsked,
    RefundAsked,
    Refused,
    Reply,
    check_money,
    conflict,
    invalid,
    json_of,
    not_found,
    read,
    read_payment,
)
from shared.providers.cpay.simulator.ledger import PaymentRow
from shared.providers.cpay.simulator.lifecycle import Lifecycle
from shared.providers.cpay.simulator.modes import Mode
from shared.providers.cpay.simulator.payments import existing_payment
from shared.providers.cpay.simulator.resources import compact
from shared.providers.cpay.simulator.scenarios import (
    DEFAULT,
    Scenario,
    scenario_of_amount,
    scenario_of_capture,
    scenario_of_payment,
    scenario_of_refund,
)
from shared.runtime.clock import Clock

MAX_KEY_CHARACTERS = 255

Work = Callable[[sqlite3.Connection, Scenario], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """``is_chosen``: the request named its scenario, by amount or metadata. ``subject`` is the reference of what is
    made, or of the payment that it is made of.
    """

    scenario: Scenario
    is_chosen: bool
    work: Work
    subject: str
    merchant_reference: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A POST, understood: how to play it, and what to do. ``digest`` tells it from another with the same key."""

    route: str
    path: str
    digest: bytes
    wanted: Wanted

    @property
    def question(self) -> str:
        """What is asked, in words that are the same in every run with the same references."""
        return f"{self.route} {self.wanted.subject}"


Understand = Callable[[JsonValue, Mapping[str, str]], Wanted]


class Operations:
    """``Idempotency-Key`` as CPay keeps it: 24 hours, the first answer, never two at once."""

    def __init__(self, file: LedgerFile, clock: Clock, lifecycle: Lifecycle) -> None:
        self._file = file
        self._clock = clock
        self._lifecycle = lifecycle
        self._running: set[str] = set()
        self._lock = threading.Lock()
        routes: Mapping[str, Understand] = {
            "POST /v1/payments": self._payment,
            "POST /v1/payments/{id}/cancel": self._cancel,
            "POST /v1/payments/{id}/captures": self._capture,
            "POST /v1/payments/{id}/refunds": self._refund,
            "POST /v1/payouts": self._payout,
        }
        self._routes = Router({route: (route, understand) for route, understand in routes.items()})

    @contextmanager
    def only_one(self, key: str) -> Iterator[None]:
        """Hold ``key`` while its request is at work.

        Raises:
            Refused: 400 no usable key, 409 another request is at work with it.
        """
        check_key(key)
        with self._lock:
            if key in self._running and self._mode().honours_idempotency:
                raise conflict("idempotency_key_in_use", "the first request is still at work", retry_after=1)
            self._running.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._running.discard(key)

    def understand(self, path: str, body: bytes) -> Operation:
        """Read a POST.

        Raises:
            Refused: 404 no such path or payment, 400 not understood, 422 not done by CPay.
        """
        found = self._routes.find("POST", path)
        if found is None:
            raise not_found("path")
        (route, understand), placeholders = found
        parsed = json_of(body)
        wanted = understand(parsed, placeholders)
        return Operation(route=route, path=path, digest=digest_of(path, parsed), wanted=wanted)

    def first_answer(self, key: str, operation: Operation) -> StoredReply | None:
        """The answer to this key, if it has one; that the key came is noted in any case.

        Raises:
            Refused: 409, the key came before with another request.
        """
        now_ms = milliseconds(self._clock.now())
        with self._file.transaction() as connection:
            bookkeeping.note_asked(connection, now_ms, operation.path, key, operation.wanted.merchant_reference)
            if not modes.mode(connection).honours_idempotency:
                return None
            stored = bookkeeping.stored_reply(connection, key, now_ms)
        if stored is not None and stored.digest != operation.digest:
            raise conflict("idempotency_key_reused", "the key came before with another request")
        return stored

    def execute(
        self, key: str, operation: Operation, scenario: Scenario, request_id: str
    ) -> tuple[StoredReply, tuple[int, ...]]:
        """Do the work and store its answer, both or neither; the answer, and the callbacks to send before it."""
        with self._file.transaction() as connection:
            try:
                reply = operation.wanted.work(connection, scenario)
                bookkeeping.note_executed(connection, operation.path, operation.wanted.merchant_reference)
            except Refused as refusal:
                reply = refusal.to_reply()
            body = compact(reply.numbered(request_id).body)
            stored = StoredReply(digest=operation.digest, status=reply.status, body=body)
            bookkeeping.store_reply(connection, key, stored, milliseconds(self._clock.now()))
        return stored, reply.early

    def _mode(self) -> Mode:
        with self._file.reading() as connection:
            return modes.mode(connection)

    def _existing_payment(self, placeholders: Mapping[str, str]) -> PaymentRow:
        with self._file.reading() as connection:
            return existing_payment(connection, placeholders["id"])

    def _payment(self, parsed: JsonValue, placeholders: Mapping[str, str]) -> Wanted:  # noqa: ARG002 - as all routes
        asked = read_payment(parsed)
        chosen = asked.metadata.get("scenario")
        scenario = scenario_of_payment(asked.amount, chosen)
        return Wanted(
            scenario=scenario,
            is_chosen=chosen is not None or scenario is not DEFAULT,
            work=lambda connection, played: self._lifecycle.payments.make(connection, asked, played),
            subject=asked.merchant_reference,
            merchant_reference=asked.merchant_reference,
        )

    def _cancel(self, parsed: JsonValue, placeholders: Mapping[str, str]) -> Wanted:
        read(CancelAsked, parsed)
        payment = self._existing_payment(placeholders)
        return Wanted(
            scenario=DEFAULT,
            is_chosen=False,
            work=lambda connection, _: self._lifecycle.payments.cancel(connection, payment.id),
            subject=payment.merchant_reference or payment.id,
            merchant_reference=None,
        )

    def _capture(self, parsed: JsonValue, placeholders: Mapping[str, str]) -> Wanted:
        asked = read(CaptureAsked, parsed)
        payment = self._existing_payment(placeholders)
        scenario = scenario_of_capture(asked.amount or payment.amount)
        return Wanted(
            scenario=scenario,
            is_chosen=scenario is not DEFAULT,
            work=lambda connection, played: self._lifecycle.movements.capture(connection, payment.id, asked, played),
            subject=asked.merchant_reference or payment.merchant_reference or payment.id,
            merchant_reference=asked.merchant_reference,
        )

    def _refund(self, parsed: JsonValue, placeholders: Mapping[str, str]) -> Wanted:
        asked = read(RefundAsked, parsed)
        payment = self._existing_payment(placeholders)
        scenario = scenario_of_refund(asked.amount or payment.amount, payment.scenario)
        return Wanted(
            scenario=scenario,
            is_chosen=bool(scenario.digits),
            work=lambda connection, played: self._lifecycle.movements.refund(connection, payment.id, asked, played),
            subject=asked.merchant_reference or payment.merchant_reference or payment.id,
            merchant_reference=asked.merchant_reference,
        )

    def _payout(self, parsed: JsonValue, placeholders: Mapping[str, str]) -> Wanted:  # noqa: ARG002 - as all routes
        asked = read(PayoutAsked, parsed)
        check_money(asked.amount, asked.currency)
        scenario = scenario_of_amount(asked.amount)
        return Wanted(
            scenario=scenario,
            is_chosen=scenario is not DEFAULT,
            work=lambda connection, played: self._lifecycle.movements.payout(connection, asked, played),
            subject=asked.merchant_reference,
            merchant_reference=asked.merchant_reference,
        )


def check_key(key: str) -> None:
    if not key:
        raise invalid("a POST needs an Idempotency-Key", code="idempotency_key_missing")
    if len(key) > MAX_KEY_CHARACTERS or not (key.isascii() and key.isprintable()):
        raise invalid("at most 255 printable ASCII characters", code="idempotency_key_invalid")


def digest_of(path: str, parsed: JsonValue) -> bytes:
    """The same for the same request, however its JSON is spaced and ordered."""
    canonical = json.dumps(parsed, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"POST\n{path}\n{canonical}".encode()).digest()
