"""Payments, refunds, crashes, losses and repetitions in any order: never taken twice, never lost, books equal."""

from datetime import timedelta
from typing import ClassVar
from uuid import UUID, uuid5

import pytest
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from services.api.idempotency import StoredResponse
from shared.domain.errors import IdempotencyKeyReused, RefundExceedsPayment, RefundNotPossible
from shared.domain.refund import Refund
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import REFUNDABLE
from tests.fakes.makers import MERCHANT
from tests.property.crashes import CrashPoint
from tests.property.gateway import Gateway
from tests.property.invariants import check_always, check_quiet, is_over
from tests.property.ledger import Callback, Road, State, Weather
from tests.property.profile import effort

MINUTE, HOUR, DAY = 60, 3600, 86_400

MOST_PAYMENTS = 3

P = CrashPoint
durations = st.sampled_from([1, 5, 6, 31, 36, 61, 5 * MINUTE, 16 * MINUTE, HOUR, 7 * HOUR, 2 * DAY])
amounts = st.sampled_from([1000, 1001, 33_333, 100_000])
some = st.integers(min_value=0, max_value=1000)
weathers = st.builds(
    Weather,
    road=st.sampled_from(Road),
    fate=st.sampled_from([State.SUCCEEDED, State.DECLINED, State.WAITING]),
    answers_queries=st.booleans(),
    meanwhile=st.sampled_from(["nothing", "nothing", "callback", "same message", "lease runs out"]),
)


def crashes(*points: CrashPoint) -> st.SearchStrategy[CrashPoint | None]:
    return st.one_of(st.none(), st.sampled_from(points))


edge_crashes = crashes(P.BEFORE_FIRST_COMMIT, P.AFTER_FIRST_COMMIT, P.BEFORE_PUBLISHING, P.BEFORE_MARKING)


class Core(RuleBasedStateMachine):
    """One merchant, one provider, and everything that can go wrong between them."""

    repeats_answers: ClassVar[bool]

    def __init__(self) -> None:
        super().__init__()
        self.gateway = Gateway(repeats_answers=self.repeats_answers)
        self.orders: dict[str, tuple[UUID | None, int]] = {}
        self.replies: dict[str, bytes] = {}
        self.events_told = 0

    # What the merchant does.

    @precondition(lambda self: len(self.gateway.payments) < MOST_PAYMENTS)
    @rule(minor_units=amounts, crash=edge_crashes)
    def pay(self, minor_units: int, crash: CrashPoint | None) -> None:
        self._send(self._new_order(None, minor_units), crash)

    @precondition(lambda self: len(self.gateway.payments) < MOST_PAYMENTS)
    @rule(minor_units=amounts, weather=weathers)
    def pay_and_wait(self, minor_units: int, weather: Weather) -> None:
        self._send(self._new_order(None, minor_units), None)
        self._worker_takes_what_is_ready(weather)

    @precondition(lambda self: self._refundable())
    @rule(which=some, divisor=st.sampled_from([1, 2, 3, 1000]), more=st.sampled_from([0, 0, 0, 1]), crash=edge_crashes)
    def refund(self, which: int, divisor: int, more: int, crash: CrashPoint | None) -> None:
        """Also more than is left: that is to be refused."""
        payment = self._refundable()[which % len(self._refundable())]
        self._send(self._new_order(payment.id, payment.amount.amount_minor_units // divisor + more), crash)

    @precondition(lambda self: self._refundable())
    @rule(which=some, divisor=st.sampled_from([1, 2, 3]), weather=weathers)
    def refund_and_wait(self, which: int, divisor: int, weather: Weather) -> None:
        payment = self._refundable()[which % len(self._refundable())]
        self._send(self._new_order(payment.id, payment.amount.amount_minor_units // divisor), None)
        self._worker_takes_what_is_ready(weather)

    @precondition(lambda self: self.orders)
    @rule(which=some, crash=edge_crashes)
    def repeat(self, which: int, crash: CrashPoint | None) -> None:
        self._send(self._key(which), crash)

    @precondition(lambda self: self.replies)
    @rule(which=some)
    def use_a_key_for_something_else(self, which: int) -> None:
        key = sorted(self.replies)[which % len(self.replies)]
        payment_id, minor_units = self.orders[key]
        with pytest.raises(IdempotencyKeyReused):
            self._post(key, payment_id, minor_units + 1, None)
        with pytest.raises(IdempotencyKeyReused):
            self._post(key, None if payment_id else self.gateway.payments[0].id, minor_units, None)

    # What our processes and the broker do.

    @precondition(lambda self: self.gateway.broker.ready())
    @rule(
        which=some,
        weather=weathers,
        crash=crashes(*P),
        acknowledged=st.sampled_from([True, True, False]),
    )
    def deliver(self, which: int, weather: Weather, crash: CrashPoint | None, acknowledged: bool) -> None:
        ready = self.gateway.broker.ready()
        letter = ready[which % len(ready)]
        note(f"      the worker gets {letter.message.type}")
        self.gateway.deliver(letter, weather, crash, acknowledged=acknowledged)

    @rule(sweep=st.sampled_from(["relay", "sweep_leases", "sweep_callbacks", "recover"]), crash=edge_crashes)
    def sweep(self, sweep: str, crash: CrashPoint | None) -> None:
        getattr(self.gateway, sweep)(crash)

    @rule(seconds=durations, weather=weathers)
    def time_passes(self, seconds: int, weather: Weather) -> None:
        """All our processes are up, and do what is due."""
        self.gateway.tick(seconds)
        self.gateway.relay()
        self.gateway.sweep_leases()
        self.gateway.sweep_callbacks()
        self.gateway.recover()
        self._worker_takes_what_is_ready(weather)

    @rule(seconds=durations)
    def nobody_is_up(self, seconds: int) -> None:
        self.gateway.tick(seconds)

    @rule(away=st.booleans())
    def broker_comes_or_goes(self, away: bool) -> None:
        self.gateway.broker.is_away = away

    @rule()
    def lose_broker_and_cache(self) -> None:
        self.gateway.broker.lose_everything()
        self.gateway.cache.kept.clear()

    # What the provider does.

    @precondition(lambda self: self.gateway.ledger.callbacks)
    @rule(which=some, crash=edge_crashes)
    def callback(self, which: int, crash: CrashPoint | None) -> None:
        callback = self._callback(which)
        note(f"      callback {callback.event_id}")
        if self.gateway.receive(callback, crash):
            self.gateway.ledger.callbacks.remove(callback)
            self.gateway.ledger.told.append(callback)

    @precondition(lambda self: self.gateway.ledger.told)
    @rule(which=some)
    def callback_again(self, which: int) -> None:
        told = self.gateway.ledger.told
        self.gateway.receive(told[which % len(told)])

    @precondition(lambda self: self.gateway.ledger.callbacks)
    @rule(which=some, more=st.sampled_from([-1, 1, 100_000]))
    def callback_with_another_amount(self, which: int, more: int) -> None:
        true = self._callback(which)
        amount = type(true.amount)(true.amount.amount_minor_units + more, true.amount.currency)
        event_id = f"{true.event_id}-twisted-{more}"
        self.gateway.receive(Callback(event_id=event_id, entry=true.entry, state=State.SUCCEEDED, amount=amount))

    @precondition(lambda self: self.gateway.ledger.callbacks)
    @rule(which=some)
    def callback_never_comes(self, which: int) -> None:
        """Where a query can still tell. What the provider denied or did late, only reconciliation would find."""
        callback = self._callback(which)
        subject = self._subject(callback)
        is_settled = callback.state is callback.entry.state is not State.WAITING
        if subject.is_unfinished and is_settled and not callback.entry.must_be_told:
            self.gateway.ledger.callbacks.remove(callback)

    @precondition(lambda self: any(each.state is State.WAITING for each in self.gateway.ledger.entries))
    @rule(which=some, state=st.sampled_from([State.SUCCEEDED, State.SUCCEEDED, State.DECLINED]))
    def customer_acts(self, which: int, state: State) -> None:
        waiting = [each for each in self.gateway.ledger.entries if each.state is State.WAITING]
        self.gateway.ledger.settle(waiting[which % len(waiting)], state)

    @precondition(lambda self: any(each.is_refund for each in self.gateway.ledger.entries))
    @rule(which=some)
    def bank_sends_a_refund_back(self, which: int) -> None:
        given = [each for each in self.gateway.ledger.entries if each.is_refund and each.state is State.SUCCEEDED]
        if given:
            self.gateway.ledger.settle(given[which % len(given)], State.RETURNED)

    # What must hold.

    @invariant()
    def nothing_is_wrong(self) -> None:
        self._tell_what_happened()
        check_always(self.gateway)
        kept = {claim.resource_id for claim in self.gateway.rows.idempotency_keys.values()}
        assert kept == set(self.gateway.rows.transactions) | set(self.gateway.rows.refunds)

    def teardown(self) -> None:
        self.nothing_is_wrong()
        self._heal()
        self._run_until_quiet()
        self._tell_what_happened()
        check_always(self.gateway)
        check_quiet(self.gateway)
        for key, reply in self.replies.items():
            again = self._post(key, *self.orders[key], None)
            assert again is not None
            assert (again.body, again.is_replay) == (reply, True)

    def _heal(self) -> None:
        note("--- everything heals ---")
        self.gateway.broker.is_away = False

    def _run_until_quiet(self) -> None:
        for _ in range(400):
            self._everybody_takes_a_turn()
            moment = self.gateway.next_moment(is_over)
            if moment is None:
                return
            if moment >= self.gateway.clock.now():
                # Sweeps take what is past, not what is just due.
                self.gateway.tick((moment - self.gateway.clock.now() + timedelta(milliseconds=1)).total_seconds())
        raise AssertionError("it never comes to rest")

    def _everybody_takes_a_turn(self) -> None:
        gateway = self.gateway
        for entry in gateway.ledger.entries:
            if entry.state is State.WAITING:
                gateway.ledger.settle(entry, State.SUCCEEDED)
        while gateway.ledger.callbacks:
            callback = gateway.ledger.callbacks.pop(0)
            assert gateway.receive(callback)
        gateway.relay()
        gateway.sweep_leases()
        gateway.sweep_callbacks()
        gateway.recover()
        self._worker_takes_what_is_ready(Weather())

    def _worker_takes_what_is_ready(self, weather: Weather) -> None:
        for letter in self.gateway.broker.ready():
            self.gateway.deliver(letter, weather)

    # How it is done.

    def _new_order(self, payment_id: UUID | None, minor_units: int) -> str:
        key = str(uuid5(MERCHANT, str(len(self.orders))))
        self.orders[key] = (payment_id, minor_units)
        return key

    def _refundable(self) -> list[Transaction]:
        return [each for each in self.gateway.payments if each.status in REFUNDABLE]

    def _key(self, which: int) -> str:
        return sorted(self.orders)[which % len(self.orders)]

    def _send(self, key: str, crash: CrashPoint | None) -> None:
        try:
            answer = self._post(key, *self.orders[key], crash)
        except (RefundNotPossible, RefundExceedsPayment):
            assert key not in self.replies
            return
        if answer is None:
            return
        first = self.replies.setdefault(key, answer.body)
        assert answer.body == first, "a repeated request got another answer"

    def _post(
        self, key: str, payment_id: UUID | None, minor_units: int, crash: CrashPoint | None
    ) -> StoredResponse | None:
        if payment_id is None:
            return self.gateway.pay(key, minor_units, crash)
        return self.gateway.refund(key, payment_id, minor_units, crash)

    def _callback(self, which: int) -> Callback:
        waiting = self.gateway.ledger.callbacks
        return waiting[which % len(waiting)]

    def _subject(self, callback: Callback) -> Transaction | Refund:
        rows = self.gateway.rows
        subject = rows.refunds.get(callback.entry.subject) or rows.transactions.get(callback.entry.subject)
        assert subject is not None, "the provider was asked for something that we do not know"
        return subject

    def _tell_what_happened(self) -> None:
        """The story of a failing example, one line an event."""
        rows = list(self.gateway.rows.events.values())
        for row in rows[self.events_told :]:
            event = row.event
            note(f"      {event.occurred_at:%d %H:%M:%S} {str(event.transaction_id)[-4:]} {event.event_type}")
        self.events_told = len(rows)


class WithIdempotency(Core):
    repeats_answers = True


class WithoutIdempotency(Core):
    repeats_answers = False


@pytest.mark.timeout(1800)  # the long profile, and shrinking
def test_nothing_is_taken_twice_or_lost_with_a_provider_that_repeats_its_answers() -> None:
    run_state_machine_as_test(WithIdempotency, settings=effort(200, steps=40))


@pytest.mark.timeout(1800)  # the long profile, and shrinking
def test_nothing_is_taken_twice_or_lost_with_a_provider_where_every_request_takes_money() -> None:
    run_state_machine_as_test(WithoutIdempotency, settings=effort(200, steps=40))
