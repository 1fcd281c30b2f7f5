"""Which webhooks the merchants of the proof expect, and which are strange to them."""

from collections.abc import Iterator, Mapping
from itertools import chain

import pytest

from shared.domain.event_types import EVENT_TYPES, matches
from tests.chaos.endpoint import fingerprint
from tests.chaos.merchant import Json, Merchant
from tests.chaos.truth import Arrived
from tests.chaos.webhooks import ENDPOINTS, Webhooks

NOWHERE = {"API_URL": "http://nowhere", "API_KEY_ID": "", "API_KEY_SECRET": ""}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MADE = "2026-01-15T12:00:00.000Z"


def _event(number: int, kind: str, payment_id: str, occurred_at: str = MADE) -> Json:
    return {"id": f"e{number}", "type": kind, "transaction_id": payment_id, "occurred_at": occurred_at}


class _Merchant(Merchant):
    """Its log is given in pages of two."""

    def __init__(self, log: list[Json]) -> None:
        super().__init__(NOWHERE)
        self.log = log

    def create(self, path: str, body: Json) -> Json:
        return {"secret": SECRET, "created_at": MADE}

    def get(self, path: str) -> Json:
        place = int(path.partition("&after=")[2] or 0)
        page = self.log[place : place + 2]
        return {"data": page, "has_more": len(self.log) > place + 2, "next_cursor": str(place + len(page))}


OURS = [
    _event(1, "payment.initiated", "p1"),
    _event(2, "payment.completed", "p1"),
    _event(3, "payment.completed", "p2"),
    _event(4, "refund.completed", "p1"),
    _event(5, "payment.completed", "p1", occurred_at="2026-01-15T11:59:59.000Z"),
]
THEIRS = [_event(6, "payment.completed", "n1")]


@pytest.fixture
def webhooks() -> Iterator[Webhooks]:
    made = Webhooks(_Merchant(list(OURS)), _Merchant(list(THEIRS)), seed=7)
    made.read()
    yield made
    made.close()


def _arrive(webhooks: Webhooks, name: str, *event_ids: str) -> None:
    (endpoint,) = [each.endpoint for each in webhooks.listening if each.endpoint.name == name]
    came: Mapping[str, Arrived] = {each: Arrived(payload="", times=1, taken=1) for each in event_ids}
    endpoint.came = lambda: came  # type: ignore[method-assign] # as if it had been called
    endpoint.first_came_since = lambda since: set(came) if since else set()  # type: ignore[method-assign] # as above


def test_each_event_of_these_payments_is_wanted_by_the_endpoint_that_asks_for_its_type(webhooks: Webhooks) -> None:
    wanted = {told.endpoint: dict(told.wanted) for told in webhooks.told({"p1"})}

    assert wanted == {
        "taken": {"e2": fingerprint(OURS[1])},
        "given back": {"e4": fingerprint(OURS[3])},
        "a neighbour's": {"e6": fingerprint(THEIRS[0])},
    }


def test_the_whole_log_is_read_and_read_on(webhooks: Webhooks) -> None:
    assert webhooks.logged == {each["id"] for each in OURS}


@pytest.mark.parametrize("strange", ["e1", "e4", "e5", "e6", "nobody's"])
def test_what_an_endpoint_did_not_ask_for_is_strange(webhooks: Webhooks, strange: str) -> None:
    _arrive(webhooks, "taken", "e2", "e3", strange)

    told = {each.endpoint: each for each in webhooks.told({"p1", "p2"})}

    assert told["taken"].strange == [strange]
    assert set(told["taken"].came) == {"e2", "e3"}


def test_what_has_only_just_happened_is_not_strange(webhooks: Webhooks) -> None:
    (log,) = {each.log for each in webhooks.listening if each.endpoint.name == "taken"}
    log.merchant.log.append(_event(7, "payment.completed", "p3"))  # type: ignore[attr-defined] # this test's merchant
    _arrive(webhooks, "taken", "e7")

    assert all(not each.strange for each in webhooks.told(set()))


def test_no_type_is_told_to_two_endpoints_and_each_is_known() -> None:
    types = list(chain.from_iterable(ENDPOINTS.values()))

    assert len(types) == len(set(types))
    assert all(any(matches(each, known) for known in EVENT_TYPES) for each in types)
