"""The merchant of the proof: what it may capture and refund, as the events tell, and what it asks for."""

import time

import pytest

from shared.providers.cpay.simulator.scenarios import scenario_of_capture
from tests.chaos.load import CAPTURES, MOST_RESERVED, RESERVATIONS, Account, Load, Mix, Reservation, amount_that_plays
from tests.chaos.merchant import Json, Merchant, Reply, Request

PAYMENT = "payment-1"
NOWHERE = {"API_URL": "http://nowhere", "API_KEY_ID": "", "API_KEY_SECRET": ""}
RESERVED: Json = {
    "status": "authorized",
    "capture_method": "manual",
    "amount_authorized_minor": 100_000,
    "amount_captured_minor": 0,
}


def _heard(account: Account, kind: str, **changed: object) -> None:
    account.on_event({"type": kind, "transaction_id": PAYMENT, "data": {**RESERVED, **changed}})


class _AnsweredAtOnce(Merchant):
    def post(self, request: Request) -> None:
        request.replies.append(Reply(202, b'{"id": "1"}'))


def _asked(account: Account, mix: Mix) -> Request:
    merchant = _AnsweredAtOnce(NOWHERE)
    load = Load(merchant, account, "row", 1, mix, rate=1000)
    load.start()
    while not load.requests:
        time.sleep(0.001)
    load.stop()
    return load.requests[0]


def test_what_is_reserved_can_be_captured_once() -> None:
    account = Account()
    _heard(account, "payment.authorized")

    taken, again = account.take_reservation(), account.take_reservation()

    assert taken == Reservation(PAYMENT, 100_000, is_untouched=True)
    assert again is None


def test_the_rest_can_be_captured_when_a_part_is_known_to_be_taken() -> None:
    account = Account()
    _heard(account, "payment.authorized")
    account.take_reservation()

    _heard(account, "payment.partially_captured", amount_captured_minor=30_000)

    assert account.take_reservation() == Reservation(PAYMENT, 70_000, is_untouched=False)


@pytest.mark.parametrize("status", ["completed", "cancelled", "expired"])
def test_nothing_is_captured_of_what_is_over(status: str) -> None:
    account = Account()
    _heard(account, "payment.authorized")

    _heard(account, f"payment.{status}", status=status)

    assert account.reservations == 0


def test_what_is_heard_of_a_capture_itself_changes_nothing() -> None:
    account = Account()
    _heard(account, "payment.partially_captured", amount_captured_minor=30_000)

    _heard(account, "capture.completed", status="succeeded")

    assert account.reservations == 1


def test_whole_parts_of_what_was_taken_can_be_given_back() -> None:
    account = Account()

    _heard(account, "payment.completed", status="completed", amount_captured_minor=90_020)

    assert account.parts == 9


def test_a_reservation_is_captured_and_a_new_one_made_where_there_is_none() -> None:
    account = Account()

    first = _asked(account, CAPTURES)
    _heard(account, "payment.partially_captured", amount_captured_minor=30_000)
    then = _asked(account, CAPTURES)

    assert (first.kind, first.body["capture_method"]) == ("payment", "manual")
    assert (then.kind, then.payment_id, then.body) == ("capture", PAYMENT, {"amount": "700.00"})


def test_only_so_many_reservations_are_made_as_may_wait() -> None:
    account = Account()

    begun = [account.begin_reservation() for _ in range(MOST_RESERVED + 1)]
    _heard(account, "payment.failed", status="failed")

    assert begun == [True] * MOST_RESERVED + [False]
    assert account.begin_reservation()


def test_what_waits_to_be_captured_is_counted_once() -> None:
    account = Account()
    account.begin_reservation()
    _heard(account, "payment.authorized")

    assert [account.begin_reservation() for _ in range(MOST_RESERVED)].count(True) == MOST_RESERVED - 1


def test_a_payment_is_taken_at_once_where_too_many_wait() -> None:
    account = Account()
    while account.begin_reservation():
        pass

    assert _asked(account, Mix(refunds=0.0, captures=0.0, manual=0.99)).body["capture_method"] == "automatic"


def test_nothing_is_asked_where_all_are_captured_by_hand_and_too_many_wait() -> None:
    account = Account()
    while account.begin_reservation():
        pass
    load = Load(_AnsweredAtOnce(NOWHERE), account, "row", 1, CAPTURES, rate=1000)

    load.start()
    time.sleep(0.05)
    load.stop()

    assert load.requests == []


def test_a_stock_of_reservations_is_made_of_payments_alone() -> None:
    account = Account()
    _heard(account, "payment.authorized")

    assert _asked(account, RESERVATIONS).kind == "payment"


@pytest.mark.parametrize("left", [100_000, 70_000])
def test_a_capture_plays_what_its_amount_says(left: int) -> None:
    amount = amount_that_plays("hang_after_commit", left)

    assert 0 < amount <= left
    assert scenario_of_capture(amount).name == "hang_after_commit"


@pytest.mark.parametrize(
    ("reply", "is_final"),
    [
        (Reply(202, b""), True),
        (Reply(409, b""), True),
        (Reply(422, b""), True),
        (Reply(409, b"", retry_after=True), False),
        (Reply(503, b"", retry_after=True), False),
        (Reply(401, b""), False),
    ],
)
def test_what_may_change_is_asked_again(reply: Reply, is_final: bool) -> None:
    assert reply.is_final is is_final
