"""Who hears what."""

from uuid import UUID

from services.notifier.hub import Bell, Hub, Subscription
from shared.contracts.messages.events import PaymentChanged, PayoutChanged
from shared.domain.channel import Channel, ChannelKind
from shared.runtime.identifiers import new_id
from tests.fakes.clock import NOON
from tests.fakes.makers import MERCHANT, USER


def _event(transaction_id: UUID, user_id: UUID | None = USER) -> PaymentChanged:
    return PaymentChanged(
        message_id=new_id(),
        occurred_at=NOON,
        correlation_id=transaction_id,
        event_id=new_id(),
        event_type="payment.completed",
        transaction_id=transaction_id,
        merchant_id=MERCHANT,
        user_id=user_id,
        sequence=2,
    )


def _of_payment(transaction_id: UUID) -> Channel:
    return Channel(ChannelKind.TRANSACTION, transaction_id)


def _of_user(user_id: UUID) -> Channel:
    return Channel(ChannelKind.USER, user_id)


def _quiet(hub: Hub, channel: Channel) -> Subscription:
    """A listener that has read the past."""
    subscription = hub.subscribe(channel)
    subscription.answer()
    return subscription


def test_whoever_is_new_has_the_past_to_read() -> None:
    assert Hub().subscribe(_of_payment(new_id())).answer() is True


def test_an_event_rings_for_its_payment_and_for_its_user() -> None:
    hub, payment = Hub(), new_id()
    of_payment, of_user = _quiet(hub, _of_payment(payment)), _quiet(hub, _of_user(USER))

    hub.happened(_event(payment))

    assert (of_payment.answer(), of_user.answer()) == (True, True)


def test_a_payouts_event_rings_for_its_user_and_for_no_payment() -> None:
    hub, payout = Hub(), new_id()
    of_same_id, of_user = _quiet(hub, _of_payment(payout)), _quiet(hub, _of_user(USER))
    event = PayoutChanged(
        message_id=new_id(),
        occurred_at=NOON,
        correlation_id=payout,
        event_id=new_id(),
        event_type="payout.completed",
        payout_id=payout,
        merchant_id=MERCHANT,
        user_id=USER,
        sequence=2,
    )

    hub.happened(event)

    assert (of_same_id.answer(), of_user.answer()) == (False, True)


def test_an_event_rings_for_nobody_else() -> None:
    hub, payment = Hub(), new_id()
    others = [_quiet(hub, _of_payment(new_id())), _quiet(hub, _of_user(new_id())), _quiet(hub, _of_user(payment))]

    hub.happened(_event(payment))

    assert [each.answer() for each in others] == [False, False, False]


def test_a_channel_of_a_payment_is_not_that_of_a_user_with_the_same_id() -> None:
    hub, same = Hub(), new_id()
    of_user = _quiet(hub, _of_user(same))

    hub.happened(_event(same, user_id=None))

    assert of_user.answer() is False


def test_all_who_listen_to_one_channel_hear_it() -> None:
    hub, payment = Hub(), new_id()
    listeners = [_quiet(hub, _of_payment(payment)) for _ in range(3)]

    hub.happened(_event(payment))

    assert all(each.answer() for each in listeners)


def test_however_often_it_rang_a_slow_listener_has_one_thing_to_answer() -> None:
    hub, payment = Hub(), new_id()
    listener = _quiet(hub, _of_payment(payment))

    for _ in range(1000):
        hub.happened(_event(payment))

    assert [listener.answer(), listener.answer()] == [True, False]


def test_when_something_may_have_been_missed_everybody_reads_again() -> None:
    hub = Hub()
    listeners = [_quiet(hub, _of_payment(new_id())), _quiet(hub, _of_user(USER))]

    hub.ring_all()

    assert [each.answer() for each in listeners] == [True, True]


def test_whoever_left_hears_nothing_and_leaves_nothing_behind() -> None:
    hub, payment = Hub(), new_id()
    one, other = _quiet(hub, _of_payment(payment)), _quiet(hub, _of_payment(payment))

    hub.unsubscribe(one)
    hub.happened(_event(payment))
    assert (one.answer(), other.answer(), len(hub)) == (False, True, 1)

    hub.unsubscribe(other)
    assert (len(hub), hub._bells) == (0, {})


def test_leaving_twice_does_no_harm() -> None:
    hub = Hub()
    listener = hub.subscribe(_of_user(USER))

    hub.unsubscribe(listener)
    hub.unsubscribe(listener)

    assert len(hub) == 0


def test_a_ring_wakes_the_listener() -> None:
    hub, payment, woken = Hub(), new_id(), []
    listener = _quiet(hub, _of_payment(payment))
    listener.call_on_ring(lambda: woken.append(True))

    hub.happened(_event(payment))

    assert woken == [True]


def test_a_listener_may_leave_while_all_are_rung() -> None:
    hub = Hub()
    listener = hub.subscribe(_of_user(USER))
    listener.call_on_ring(lambda: hub.unsubscribe(Subscription(_of_user(new_id()), Bell(0))))

    hub.ring_all()

    assert listener.answer() is True


def test_all_who_listen_to_one_channel_have_heard_the_same_rings() -> None:
    hub, payment = Hub(), new_id()
    one, other = _quiet(hub, _of_payment(payment)), _quiet(hub, _of_payment(payment))

    before = one.rings
    hub.happened(_event(payment))

    assert before != one.rings == other.rings


def test_a_ring_is_told_from_every_other_also_of_a_bell_that_is_gone() -> None:
    hub, payment, seen = Hub(), new_id(), []
    for _ in range(3):
        listener = _quiet(hub, _of_payment(payment))
        seen.append(listener.rings)
        hub.happened(_event(payment))
        seen.append(listener.rings)
        hub.unsubscribe(listener)

    assert len(set(seen)) == 6
