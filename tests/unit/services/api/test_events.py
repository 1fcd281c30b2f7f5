"""Reading the event log forward: everything once, nobody else's, and nothing that is asked for wrongly."""

from typing import Any
from uuid import UUID

import pytest

from shared.domain.ids import DeliveryId, EndpointId, EventId, MerchantId
from shared.domain.webhook_delivery import Delivery, DeliveryState
from shared.runtime.identifiers import new_id
from tests.fakes.api import PAYOUT, ApiOnFakes, pointers, problem
from tests.fakes.clock import NOON
from tests.fakes.makers import MERCHANT, OTHER_MERCHANT


@pytest.fixture
def api() -> ApiOnFakes:
    return ApiOnFakes()


def _page(api: ApiOnFakes, query: str = "", **headers: str | None) -> Any:
    answer = api.get(f"/events{query}", **headers)
    assert answer.status_code == 200
    return answer.get_json()


def test_an_event_is_the_payment_as_it_was_at_that_moment(api: ApiOnFakes) -> None:
    payment_id = api.completed()

    first, *_, last = _page(api)["data"]

    assert (first["type"], first["sequence"], first["data"]["status"]) == ("payment.initiated", 1, "pending")
    assert (last["type"], last["data"]["status"]) == ("payment.completed", "completed")
    assert {first["transaction_id"], last["transaction_id"]} == {str(payment_id)}
    assert "payout_id" not in first


def test_an_event_of_a_payout_names_the_payout(api: ApiOnFakes) -> None:
    payout_id = api.pay_out(PAYOUT).get_json()["id"]

    (event,) = _page(api)["data"]

    assert (event["type"], event["payout_id"], "transaction_id" in event) == ("payout.initiated", payout_id, False)


@pytest.mark.parametrize("limit", [1, 2, 3, 500])
def test_pages_follow_one_another_without_a_gap_or_a_repeat(api: ApiOnFakes, limit: int) -> None:
    for _ in range(3):
        api.completed()
    everything = [event["id"] for event in _page(api)["data"]]

    seen, after, more = [], "", True
    while more:
        page = _page(api, f"?limit={limit}{after}")
        seen += [event["id"] for event in page["data"]]
        after, more = f"&after={page['next_cursor']}", page["has_more"]

    assert (len(everything), seen) == (6, everything)


def test_who_has_read_everything_sees_what_comes_next(api: ApiOnFakes) -> None:
    api.completed()
    end = _page(api)["next_cursor"]
    assert _page(api, f"?after={end}") == {"data": [], "has_more": False, "next_cursor": end}

    payment_id = api.pay().get_json()["id"]

    (event,) = _page(api, f"?after={end}")["data"]
    assert event["transaction_id"] == payment_id


def test_an_empty_log_can_be_read_on_too(api: ApiOnFakes) -> None:
    start = _page(api)["next_cursor"]
    api.pay()

    assert len(_page(api, f"?after={start}")["data"]) == 1


def _delete_the_oldest(api: ApiOnFakes, count: int) -> None:
    events = api.books.database.committed.events
    for event_id in sorted(events, key=lambda each: (events[each].written_by, each))[:count]:
        del events[event_id]


def test_a_place_in_front_of_events_that_are_not_kept_any_more_is_told_so(api: ApiOnFakes) -> None:
    for _ in range(2):
        api.completed()
    first, second, third, *_ = _page(api)["data"]
    _delete_the_oldest(api, 2)

    told = problem(api.get(f"/events?after={first['cursor']}"), 410, "place_lost")

    assert "not all kept any more" in told["detail"]
    assert _page(api, f"?after={second['cursor']}")["data"][0] == third


def test_who_does_not_say_where_begins_with_the_oldest_behind_which_all_is_kept(api: ApiOnFakes) -> None:
    """Wherever else they began, the next page would be refused."""
    for _ in range(2):
        api.completed()
    everything = _page(api)["data"]
    del api.books.database.committed.events[EventId(UUID(everything[1]["id"]))]

    page = _page(api, "?limit=1")

    assert page["data"] == everything[2:3]
    assert _page(api, f"?after={page['next_cursor']}")["data"] == everything[3:]


def test_who_follows_the_log_is_never_left_behind_however_little_concerns_them(api: ApiOnFakes) -> None:
    """Their last event is deleted, and so are those of others behind it: they have read all that was theirs."""
    stranger = api.bearer(merchant_id=MerchantId(OTHER_MERCHANT))
    for _ in range(2):
        api.completed()
    place = _page(api, Authorization=stranger)["next_cursor"]
    rare = _page(api, "?types=payment.failed")["next_cursor"]
    _delete_the_oldest(api, 4)

    assert _page(api, f"?after={place}", Authorization=stranger)["data"] == []
    assert _page(api, f"?types=payment.failed&after={rare}")["data"] == []


def test_a_place_that_this_log_has_never_come_by_is_told_so(api: ApiOnFakes) -> None:
    told = problem(api.get(f"/events?after={2**62}.{UUID(int=0)}"), 410, "place_lost")

    assert "restored" in told["detail"]


def test_types_and_a_payment_narrow_it(api: ApiOnFakes) -> None:
    mine, _other = api.completed(), api.completed()
    api.pay_out(PAYOUT)

    assert {e["type"] for e in _page(api, "?types=payment.completed,payout.*")["data"]} == {
        "payment.completed",
        "payout.initiated",
    }
    assert {e["transaction_id"] for e in _page(api, f"?transaction_id={mine}")["data"]} == {str(mine)}


def test_another_merchant_sees_nothing_of_it(api: ApiOnFakes) -> None:
    payment_id = api.completed()
    stranger = api.bearer(merchant_id=MerchantId(OTHER_MERCHANT))

    assert _page(api, Authorization=stranger)["data"] == []
    assert _page(api, f"?transaction_id={payment_id}", Authorization=stranger)["data"] == []


def test_what_has_not_reached_an_endpoint_can_be_asked_for(api: ApiOnFakes) -> None:
    api.completed()
    first, second = api.books.database.committed.events
    endpoint_id = EndpointId(new_id())
    for event_id, state in ((first, DeliveryState.FAILED), (second, DeliveryState.DELIVERED)):
        delivery = Delivery(
            id=DeliveryId(new_id()),
            endpoint_id=endpoint_id,
            merchant_id=MERCHANT,
            event_id=EventId(event_id),
            event_type="payment.completed",
            next_try_at=None,
            created_at=NOON,
            updated_at=NOON,
            state=state,
        )
        api.books.database.committed.webhook_deliveries[delivery.id] = delivery

    assert [each["id"] for each in _page(api, "?delivery_state=failed")["data"]] == [str(first)]
    assert [each["id"] for each in _page(api, "?delivery_state=delivered")["data"]] == [str(second)]
    assert _page(api, "?delivery_state=waiting")["data"] == []


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("?after=7", "after"),
        ("?after=-1.00000000-0000-0000-0000-000000000000", "after"),
        ("?after=99999999999999999999.00000000-0000-0000-0000-000000000000", "after"),
        ("?after=1.00000000-0000-0000-0000-000000000000'", "after"),
        ("?after=%D9%A1.00000000-0000-0000-0000-000000000000", "after"),
        ("?types=payment.paid", "types"),
        ("?types=", "types"),
        ("?types=payment.completed,,", "types"),
        ("?transaction_id=x", "transaction_id"),
        ("?limit=0", "limit"),
        ("?limit=501", "limit"),
        ("?after=%00", "after"),
        ("?from=1", "from"),
        ("?delivery_state=lost", "delivery_state"),
    ],
)
def test_what_is_asked_for_wrongly_is_named(api: ApiOnFakes, query: str, pointer: str) -> None:
    refused = problem(api.get(f"/events{query}"), 422, "validation_failed")

    assert pointers(refused) == [pointer]
