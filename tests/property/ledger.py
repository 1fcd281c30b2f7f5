"""A provider that keeps books of its own: the truth that ours are compared with."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from shared.domain.errors import WebhookRejected
from shared.domain.ids import RefundId, TransactionId
from shared.domain.money import Money
from shared.domain.outcome import Declined, InDoubt, NotSent, Outcome, Pending, Succeeded
from shared.provider_kit.provider import (
    PaymentQuery,
    PaymentReported,
    PaymentRequest,
    ProviderReport,
    RefundQuery,
    RefundReported,
    RefundRequest,
    VerifiedWebhook,
    WebhookRequest,
)
from tests.fakes.clock import FakeClock
from tests.property.crashes import Crashes, CrashPoint

# A query does not see what has just been done.
QUERY_LAG = timedelta(seconds=4)
# A request that we gave up may still be on its way for as long as this.
STRAGGLES = timedelta(seconds=45)


class State(StrEnum):
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    RETURNED = "returned"  # a refund that the bank sends back


class Road(StrEnum):
    """What happens to a request on its way there and back."""

    ANSWERED = "answered"
    REFUSED = "connection refused"
    THROTTLED = "throttled"
    LOST = "lost, not executed"
    ANSWER_LOST = "executed, answer lost"
    FAILS_AFTER = "executed, then a 500 that the adapter chokes on"
    STRAGGLES = "given up by us, arrives later"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """How the provider behaves in one step; ``meanwhile`` is what others do while the call is under way."""

    road: Road = Road.ANSWERED
    fate: State = State.SUCCEEDED
    answers_queries: bool = True
    meanwhile: str = "nothing"


@dataclass(slots=True, kw_only=True)
class Entry:
    """One payment or refund on the provider's books; ``subject`` is our id of it.

    ``must_be_told``: the provider once denied it, or did it after we had given up; then only a callback can tell.
    """

    reference: str
    subject: UUID
    payment_reference: str | None
    amount: Money
    state: State
    visible_from: datetime
    must_be_told: bool = False

    @property
    def is_refund(self) -> bool:
        return self.payment_reference is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    event_id: str
    entry: Entry
    state: State
    amount: Money

    def body(self) -> bytes:
        return json.dumps(
            {
                "event_id": self.event_id,
                "subject": str(self.entry.subject),
                "reference": self.entry.reference,
                "payment_reference": self.entry.payment_reference,
                "minor_units": self.amount.amount_minor_units,
                "currency": self.amount.currency,
                "state": self.state.value,
            }
        ).encode()


@dataclass(slots=True)
class _Straggler:
    arrives_at: datetime
    key: str
    execute: Callable[[], Entry]


@dataclass(slots=True)
class Ledger:
    """``repeats_answers``: a second request with the same key gets the first answer. Without that, every request that
    arrives moves money, and a query that finds nothing proves nothing.
    """

    clock: FakeClock
    crashes: Crashes
    repeats_answers: bool
    weather: Weather = field(default_factory=Weather)
    meanwhile: Callable[[str], None] = lambda _what: None
    entries: list[Entry] = field(default_factory=list)
    callbacks: list[Callback] = field(default_factory=list)
    told: list[Callback] = field(default_factory=list)
    stragglers: list[_Straggler] = field(default_factory=list)
    _by_key: dict[str, Entry] = field(default_factory=dict)

    # What the checker reads.

    def captures(self, payment_id: UUID) -> list[Entry]:
        return [each for each in self.entries if each.subject == payment_id and each.state is State.SUCCEEDED]

    def captured(self, payment_id: UUID) -> int:
        return sum(each.amount.amount_minor_units for each in self.captures(payment_id))

    def refunded(self, payment_id: UUID) -> int:
        references = {each.reference for each in self.captures(payment_id)}
        given_back = [each for each in self.entries if each.payment_reference in references]
        return sum(each.amount.amount_minor_units for each in given_back if each.state is State.SUCCEEDED)

    # What happens at the provider's.

    def settle(self, entry: Entry, state: State) -> None:
        """The customer, or the bank, has acted."""
        entry.state = state
        self._tell(entry)

    def receive_stragglers(self) -> None:
        """Execute what has arrived by now."""
        arrived = [each for each in self.stragglers if each.arrives_at <= self.clock.now()]
        self.stragglers = [each for each in self.stragglers if each.arrives_at > self.clock.now()]
        for each in arrived:
            self._execute(each.key, each.execute).must_be_told = True

    # What our adapter offers.

    def initialize_payment(self, request: PaymentRequest) -> Outcome:
        fate = self.weather.fate
        return self._post(
            request.idempotency_key, lambda: self._new_entry(request.transaction_id, request.amount, fate)
        )

    def refund_payment(self, request: RefundRequest) -> Outcome:
        # It gives back whatever it is asked for: keeping the sums is our task.
        fate = self.weather.fate
        return self._post(
            request.idempotency_key,
            lambda: self._new_entry(request.refund_id, request.amount, fate, request.payment.reference),
        )

    def verify_payment(self, query: PaymentQuery) -> Outcome:
        return self._ask(query.transaction_id)

    def verify_refund(self, query: RefundQuery) -> Outcome:
        return self._ask(query.refund_id)

    def verify_webhook(self, request: WebhookRequest) -> VerifiedWebhook:
        if request.headers.get("signature") != "genuine":
            raise WebhookRejected("signature")
        payload = json.loads(request.body)
        return VerifiedWebhook(
            event_id=payload["event_id"], event_type="reported", payload=payload, signature="genuine"
        )

    def handle_webhook(self, payload: Mapping[str, object]) -> ProviderReport:
        amount = Money(int(str(payload["minor_units"])), str(payload["currency"]))
        reference, subject = str(payload["reference"]), UUID(str(payload["subject"]))
        outcome = _outcome(reference, State(str(payload["state"])))
        if payload["payment_reference"] is None:
            return PaymentReported(
                transaction_id=TransactionId(subject), reference=reference, amount=amount, outcome=outcome
            )
        return RefundReported(
            refund_id=RefundId(subject),
            reference=reference,
            payment_reference=str(payload["payment_reference"]),
            amount=amount,
            outcome=outcome,
        )

    def _post(self, key: str, execute: Callable[[], Entry]) -> Outcome:
        self.crashes.reach(CrashPoint.BEFORE_CALL)
        road = self.weather.road
        outcome = self._travel(road, key, execute)
        self.meanwhile(self.weather.meanwhile)
        self.crashes.reach(CrashPoint.AFTER_CALL)
        if road is Road.FAILS_AFTER:
            raise ValueError("an adapter that does not expect this answer")
        return outcome

    def _travel(self, road: Road, key: str, execute: Callable[[], Entry]) -> Outcome:
        match road:
            case Road.REFUSED:
                return NotSent(reason="connection refused")
            case Road.THROTTLED:
                return NotSent(reason="throttled", retry_after_seconds=90)
            case Road.LOST:
                return InDoubt(reason="no answer")
            case Road.STRAGGLES:
                self.stragglers.append(_Straggler(self.clock.now() + STRAGGLES, key, execute))
                return InDoubt(reason="no answer")
            case Road.ANSWERED | Road.ANSWER_LOST | Road.FAILS_AFTER:
                entry = self._execute(key, execute)
                return _outcome(entry.reference, entry.state) if road is Road.ANSWERED else InDoubt(reason="no answer")
            case unreachable:
                assert_never(unreachable)

    def _execute(self, key: str, execute: Callable[[], Entry]) -> Entry:
        known = self._by_key.get(key)
        if known is not None and self.repeats_answers:
            return known
        entry = self._by_key[key] = execute()
        self.entries.append(entry)
        self._tell(entry)
        return entry

    def _new_entry(self, subject: UUID, amount: Money, fate: State, payment_reference: str | None = None) -> Entry:
        return Entry(
            reference=f"{'re' if payment_reference else 'pay'}-{len(self.entries) + 1}",
            subject=subject,
            payment_reference=payment_reference,
            amount=amount,
            state=fate,
            visible_from=self.clock.now() + QUERY_LAG,
        )

    def _tell(self, entry: Entry) -> None:
        event_id = f"evt-{entry.reference}-{entry.state}"
        self.callbacks.append(Callback(event_id=event_id, entry=entry, state=entry.state, amount=entry.amount))

    def _ask(self, subject: UUID) -> Outcome:
        self.crashes.reach(CrashPoint.BEFORE_CALL)
        outcome = self._found(subject) if self.weather.answers_queries else InDoubt(reason="no answer")
        self.meanwhile(self.weather.meanwhile)
        self.crashes.reach(CrashPoint.AFTER_CALL)
        return outcome

    def _found(self, subject: UUID) -> Outcome:
        found = [each for each in self.entries if each.subject == subject]
        if found and found[-1].visible_from <= self.clock.now():
            return _outcome(found[-1].reference, found[-1].state)
        if not self.repeats_answers:
            return InDoubt(reason="not found, which proves nothing here")
        for each in found:
            each.must_be_told = True
        return NotSent(reason="not_found")


def _outcome(reference: str, state: State) -> Outcome:
    match state:
        case State.SUCCEEDED:
            return Succeeded(reference=reference)
        case State.WAITING:
            return Pending(reference=reference, next_action={"type": "confirm_on_phone"})
        case State.DECLINED | State.RETURNED:
            return Declined(code="declined", provider_code="05", reference=reference)
        case unreachable:
            assert_never(unreachable)
