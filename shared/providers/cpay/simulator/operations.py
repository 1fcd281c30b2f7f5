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
from shared.providers.cpay.simulator import bookkeeping
from shared.providers.cpay.simulator.bookkeeping import StoredReply
from shared.providers.cpay.simulator.exchange import (
    CancelAsked,
    RefundAsked,
    Refused,
    Reply,
    conflict,
    invalid,
    json_of,
    not_found,
    read,
    read_payment,
)
from shared.providers.cpay.simulator.lifecycle import Lifecycle, existing_payment
from shared.providers.cpay.simulator.resources import compact
from shared.providers.cpay.simulator.scenarios import DEFAULT, Scenario, scenario_of_payment, scenario_of_refund
from shared.runtime.clock import Clock

MAX_KEY_CHARACTERS = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A POST, understood: how to play it, and what to do. ``digest`` tells it from another with the same key."""

    path: str
    digest: bytes
    scenario: Scenario
    merchant_reference: str | None
    work: Callable[[sqlite3.Connection], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    scenario: Scenario
    work: Callable[[sqlite3.Connection], Reply]
    merchant_reference: str | None = None


Understand = Callable[[JsonValue, Mapping[str, str]], Wanted]


class Operations:
    """``Idempotency-Key`` as CPay keeps it: 24 hours, the first answer, never two at once."""

    def __init__(self, file: LedgerFile, clock: Clock, lifecycle: Lifecycle) -> None:
        self._file = file
        self._clock = clock
        self._lifecycle = lifecycle
        self._running: set[str] = set()
        self._lock = threading.Lock()
        self._routes: Router[Understand] = Router(
            {
                "POST /v1/payments": self._payment,
                "POST /v1/payments/{id}/cancel": self._cancel,
                "POST /v1/payments/{id}/refunds": self._refund,
            }
        )

    @contextmanager
    def only_one(self, key: str) -> Iterator[None]:
        """Hold ``key`` while its request is at work.

        Raises:
            Refused: 400 no usable key, 409 another request is at work with it.
        """
        check_key(key)
        with self._lock:
            if key in self._running:
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
        understand, placeholders = found
        parsed = json_of(body)
        wanted = understand(parsed, placeholders)
        return Operation(
            path=path,
            digest=digest_of(path, parsed),
            scenario=wanted.scenario,
            merchant_reference=wanted.merchant_reference,
            work=wanted.work,
        )

    def first_answer(self, key: str, operation: Operation) -> StoredReply | None:
        """The answer to this key, if it has one; that the key came is noted in any case.

        Raises:
            Refused: 409, the key came before with another request.
        """
        now_ms = milliseconds(self._clock.now())
        with self._file.transaction() as connection:
            bookkeeping.note_asked(connection, now_ms, operation.path, key, operation.merchant_reference)
            stored = bookkeeping.stored_reply(connection, key, now_ms)
        if stored is not None and stored.digest != operation.digest:
            raise conflict("idempotency_key_reused", "the key came before with another request")
        return stored

    def execute(self, key: str, operation: Operation, request_id: str) -> tuple[StoredReply, tuple[int, ...]]:
        """Do the work and store its answer, both or neither; the answer, and the callbacks to send before it."""
        with self._file.transaction() as connection:
            try:
                reply = operation.work(connection)
            except Refused as refusal:
                reply = refusal.to_reply()
            body = compact(reply.numbered(request_id).body)
            stored = StoredReply(digest=operation.digest, status=reply.status, body=body)
            bookkeeping.store_reply(connection, key, stored, milliseconds(self._clock.now()))
        return stored, reply.early

    def _payment(self, parsed: JsonValue, placeholders: Mapping[str, str]) -> Wanted:  # noqa: ARG002 - as all routes
        asked = read_payment(parsed)
        scenario = scenario_of_payment(asked.amount, asked.metadata.get("scenario"))
        return Wanted(
            scenario=scenario,
            work=lambda connection: self._lifecycle.make_payment(connection, asked, scenario),
            merchant_reference=asked.merchant_reference,
        )

    def _cancel(self, parsed: JsonValue, placeholders: Mapping[str, str]) -> Wanted:
        read(CancelAsked, parsed)
        return Wanted(
            scenario=DEFAULT,
            work=lambda connection: self._lifecycle.cancel_payment(connection, placeholders["id"]),
        )

    def _refund(self, parsed: JsonValue, placeholders: Mapping[str, str]) -> Wanted:
        asked = read(RefundAsked, parsed)
        with self._file.reading() as connection:
            payment = existing_payment(connection, placeholders["id"])
        scenario = scenario_of_refund(asked.amount or payment.amount, payment.scenario)
        return Wanted(
            scenario=scenario,
            work=lambda connection: self._lifecycle.make_refund(connection, payment.id, asked, scenario),
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
