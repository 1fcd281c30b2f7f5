"""``Prefer: wait=N``: an accepted request waits, bounded, for the first outcome; what is stored never changes."""

import json
import threading
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from werkzeug.test import TestResponse

from services.api.waiting import Waits, preferred_wait
from shared.domain.failure import FailureCode
from shared.domain.outcome import Authorized, Declined, InDoubt, Outcome, Pending, Succeeded
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionTrigger
from tests.fakes.api import ORDER, ApiOnFakes, problem
from tests.fakes.makers import a_context
from tests.fakes.patience import Patience

KEY = "7f8d2c66-3b1e-4a5f-9c0d-1e2f3a4b5c6d"


@pytest.fixture
def api() -> ApiOnFakes:
    return ApiOnFakes()


@pytest.mark.parametrize(
    ("lines", "seconds"),
    [
        (["wait=5"], 5),
        (["wait=1"], 1),
        (["wait=30"], 30),
        (["Wait = 5"], 5),
        (['wait="5"'], 5),
        (["wait=05"], 5),
        (["respond-async, wait=7"], 7),
        (["respond-async", "wait=7"], 7),
        (["wait=7; foo=bar, return=minimal"], 7),
        (['note="a, wait=9", wait=7'], 7),
        (["wait=5, wait=9"], 5),
        (["wait=x, wait=9"], None),
        (["wait=0"], None),
        (["wait=31"], None),
        (["wait=-1"], None),
        (["wait=+5"], None),
        (["wait=5.0"], None),
        (["wait=1e1"], None),
        (["wait=\u0665"], None),
        (["wait=999999999999999999999"], None),
        (["wait"], None),
        (["wait="], None),
        (['wait="'], None),
        (['wait="5'], None),
        (["await=5"], None),
        ([""], None),
        ([","], None),
        ([], None),
    ],
)
def test_whole_seconds_from_1_to_30_are_a_preference_and_anything_else_is_ignored(
    lines: list[str], seconds: int | None
) -> None:
    assert preferred_wait(lines) == seconds


def test_it_asks_often_at_first_and_then_every_quarter_of_a_second() -> None:
    patience = Patience()
    with Waits(1, patience.rest, patience.monotonic).place(["wait=5"]) as wait:
        assert wait.until(lambda: False) is False

    assert patience.rested[0] == 0.02
    assert max(patience.rested) == 0.25
    assert sum(patience.rested) == pytest.approx(5)
    assert 20 <= len(patience.rested) <= 35


def test_two_waits_of_one_request_share_its_time() -> None:
    patience = Patience()
    with Waits(1, patience.rest, patience.monotonic).place(["wait=2"]) as wait:
        assert wait.until(lambda: patience.monotonic() > 1.5) is True
        assert wait.until(lambda: False) is False

    assert sum(patience.rested) == pytest.approx(2)


def test_a_process_that_stops_lets_nobody_wait_on() -> None:
    patience = Patience()
    patience.is_stopping = True
    with Waits(1, patience.rest, patience.monotonic).place(["wait=30"]) as wait:
        assert wait.until(lambda: False) is False

    assert len(patience.rested) == 1


def test_a_stop_wakes_who_rests() -> None:
    stopping, ended = threading.Event(), threading.Event()
    waits = Waits(1, stopping.wait, Patience().monotonic)

    def wait_long() -> None:
        with waits.place(["wait=30"]) as wait:
            wait.until(lambda: False)
        ended.set()

    threading.Thread(target=wait_long, daemon=True).start()
    stopping.set()

    assert ended.wait(5)


def test_a_place_that_is_left_can_be_taken_again_also_after_an_error() -> None:
    patience = Patience()
    waits = Waits(1, patience.rest, patience.monotonic)

    def fail_while_waiting() -> None:
        with waits.place(["wait=5"]):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_while_waiting()
    with waits.place(["wait=5"]) as first, waits.place(["wait=5"]) as second:
        assert (first.seconds, second.seconds) == (5, None)


def _payment(api: ApiOnFakes) -> Transaction:
    (payment,) = api.books.database.committed.transactions.values()
    return payment


def _after(api: ApiOnFakes, seconds: float, step: Callable[[], None]) -> None:
    """``step`` once, when so much has been waited."""
    done: list[bool] = []

    def meanwhile(passed: float) -> None:
        if passed >= seconds and not done:
            done.append(True)
            step()

    api.patience.meanwhile = meanwhile


def _outcome(api: ApiOnFakes, *outcomes: Outcome) -> Callable[[], None]:
    """The provider's worker: claims the payment and records what came of it."""

    def step() -> None:
        _claim(api)
        api.books.apply(_payment(api), *outcomes, context=a_context())

    return step


def _claim(api: ApiOnFakes) -> None:
    with api.books.unit_of_work() as work:
        payment = work.transactions.lock(_payment(api).id)
        assert payment is not None
        work.transactions.save(payment.on(TransactionTrigger.SUBMIT, payment.updated_at)[0])
        work.commit()


def _told(response: TestResponse) -> tuple[int, str, str | None, str | None]:
    headers = response.headers
    status: str = response.get_json()["status"]
    return response.status_code, status, headers.get("Preference-Applied"), headers.get("Idempotent-Replayed")


FIRST_OUTCOMES: list[tuple[Outcome, str]] = [
    (Succeeded(reference="P1"), "completed"),
    (Declined(code=FailureCode.DECLINED), "failed"),
    (Declined(code=FailureCode.CANCELLED_BY_CUSTOMER), "cancelled"),
    (Declined(code=FailureCode.EXPIRED), "expired"),
    (Pending(reference="P1", next_action={"type": "redirect", "url": "https://x"}), "requires_action"),
    (Authorized(reference="P1"), "authorized"),
    (InDoubt(reason="read_timeout"), "in_doubt"),
]


@pytest.mark.parametrize(("outcome", "status"), FIRST_OUTCOMES, ids=[status for _, status in FIRST_OUTCOMES])
def test_the_first_outcome_ends_the_wait_with_the_payment_as_it_is(
    api: ApiOnFakes, outcome: Outcome, status: str
) -> None:
    _after(api, 1, _outcome(api, outcome))

    response = api.pay(Prefer="wait=5")

    assert _told(response) == (200, status, "wait=5", None)
    assert response.get_json()["client_token"]
    assert sum(api.patience.rested) < 2


def test_being_sent_is_no_outcome(api: ApiOnFakes) -> None:
    _after(api, 1, lambda: _claim(api))

    assert _told(api.pay(Prefer="wait=5")) == (202, "pending", None, None)
    assert sum(api.patience.rested) == pytest.approx(5)


def test_without_the_preference_nobody_waits(api: ApiOnFakes) -> None:
    assert _told(api.pay()) == (202, "pending", None, None)
    assert _told(api.pay(Prefer="wait=99")) == (202, "pending", None, None)
    assert api.patience.rested == []


def test_when_nothing_came_the_answer_is_the_one_without_waiting(api: ApiOnFakes) -> None:
    waited = api.pay(Idempotency_Key=KEY, Prefer="wait=3")
    again = api.pay(Idempotency_Key=KEY)

    assert _told(waited) == (202, "pending", None, None)
    assert again.data == waited.data


def test_waiting_never_changes_what_is_stored(api: ApiOnFakes) -> None:
    _after(api, 1, _outcome(api, Succeeded(reference="P1")))
    waited = api.pay(Idempotency_Key=KEY, Prefer="wait=5")
    plain = [api.pay(Idempotency_Key=KEY) for _ in range(2)]
    api.cache.kept.clear()
    plain.append(api.pay(Idempotency_Key=KEY))

    assert {_told(each) for each in plain} == {(202, "pending", None, "true")}
    assert len({each.data for each in plain}) == 1
    assert waited.get_json()["id"] == plain[0].get_json()["id"]


def test_a_repetition_with_the_preference_gets_the_payment_as_it_is_now(api: ApiOnFakes) -> None:
    api.pay(Idempotency_Key=KEY)
    _after(api, 2, _outcome(api, Succeeded(reference="P1")))

    assert _told(api.pay(Idempotency_Key=KEY, Prefer="wait=5")) == (200, "completed", "wait=5", "true")
    assert len(api.books.commands) == 1


def test_no_transaction_is_open_while_somebody_rests(api: ApiOnFakes) -> None:
    seen: list[int] = []
    api.patience.meanwhile = lambda _seconds: seen.append(api.books.database.open_transactions)

    api.pay(Prefer="wait=2")

    assert set(seen) == {0}


def test_when_all_places_are_taken_the_answer_comes_at_once(api: ApiOnFakes) -> None:
    with api.waits.place(["wait=5"]), api.waits.place(["wait=5"]):
        assert _told(api.pay(Prefer="wait=5")) == (202, "pending", None, None)

    assert api.patience.rested == []


@pytest.mark.parametrize("comes_back", [True, False])
def test_a_database_that_goes_away_meanwhile_takes_nothing_back(api: ApiOnFakes, comes_back: bool) -> None:
    def go_away() -> None:
        api.books.database.is_away = True

    _after(api, 1, go_away)

    response = api.pay(Idempotency_Key=KEY, Prefer="wait=5")

    assert _told(response) == (202, "pending", None, None)
    api.books.database.is_away = not comes_back
    assert api.pay(Idempotency_Key=KEY).data == response.data


def test_a_stop_meanwhile_ends_in_202(api: ApiOnFakes) -> None:
    api.patience.is_stopping = True

    assert _told(api.pay(Prefer="wait=30")) == (202, "pending", None, None)


def test_what_is_refused_is_refused_at_once(api: ApiOnFakes) -> None:
    problem(api.pay(ORDER | {"amount": 0}, Prefer="wait=5"), 422, "validation_failed")

    assert api.patience.rested == []


def test_a_purged_answer_is_waited_for_too(api: ApiOnFakes) -> None:
    payment_id = api.pay(Idempotency_Key=KEY).get_json()["id"]
    api.purge()
    _after(api, 1, _outcome(api, Succeeded(reference="P1")))

    response = api.pay(Idempotency_Key=KEY, Prefer="wait=5")

    assert _told(response) == (200, "completed", "wait=5", "true")
    assert response.get_json()["id"] == payment_id


REFUND_OUTCOMES: list[tuple[Outcome, str]] = [
    (Succeeded(reference="R1"), "succeeded"),
    (Declined(code=FailureCode.REFUND_NOT_POSSIBLE), "failed"),
]


@pytest.mark.parametrize(("outcome", "status"), REFUND_OUTCOMES)
def test_a_refund_is_waited_for_as_a_payment_is(api: ApiOnFakes, outcome: Outcome, status: str) -> None:
    payment_id, key = api.completed(), str(uuid4())

    def settle() -> None:
        (refund,) = api.books.database.committed.refunds.values()
        api.books.apply(refund, outcome, context=a_context())

    _after(api, 1, settle)
    body = {"amount": "400.00", "reason": "x"}

    waited = api.refund(payment_id, body, Idempotency_Key=key, Prefer="wait=5")

    assert _told(waited) == (200, status, "wait=5", None)
    assert _told(api.refund(payment_id, body, Idempotency_Key=key)) == (202, "pending", None, "true")
    assert UUID(json.loads(waited.data)["id"]) in api.books.database.committed.refunds
