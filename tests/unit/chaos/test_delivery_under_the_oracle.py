"""The real delivery of webhooks, on fakes, is judged as `make prove` judges it: what planted mistakes are tried on."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from shared.application.views import event_view
from shared.domain.event_types import matches
from shared.domain.ids import EndpointId, MerchantId
from shared.domain.webhook_endpoint import Lane
from shared.egress.client import Answer, Failed, FailureReason
from shared.persistence.event_log import BEGINNING
from tests.chaos import invariants
from tests.chaos.endpoint import MerchantEndpoint, fingerprint
from tests.chaos.truth import Told, Truth
from tests.fakes.clock import NOON
from tests.fakes.makers import MERCHANT, OTHER_MERCHANT
from tests.fakes.merchant_server import Received
from tests.fakes.webhooks import SECRET, Posted, WebhooksOnFakes

EVENTS = 40
ASKED_FOR = ("payment.*",)
# A signature is believed for five minutes: the fake clock begins before the true one, and does not get far behind it.
HEAD_START, PAUSE_SECONDS, PAUSES = timedelta(minutes=4), 70, 6


class _Merchants:
    """Two, with an endpoint each that takes some of what is new badly."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack, self.webhooks = stack, WebhooksOnFakes()
        self.webhooks.clock.advance((datetime.now(UTC) - HEAD_START - NOON).total_seconds())
        self._endpoints = {merchant: self._endpoint(merchant) for merchant in (MERCHANT, OTHER_MERCHANT)}
        self._by_id: dict[EndpointId, MerchantEndpoint] = dict(self._endpoints.values())
        self.webhooks.answer = self._answer

    def _endpoint(self, merchant: MerchantId) -> tuple[EndpointId, MerchantEndpoint]:
        endpoint = MerchantEndpoint(f"of {merchant}", seed=7)
        self._stack.enter_context(endpoint)
        endpoint.secret = SECRET
        endpoint.misbehave()
        return self.webhooks.endpoint(merchant, event_types=ASKED_FOR), endpoint

    def _answer(self, posted: Posted) -> Answer | Failed:
        endpoint = self._by_id[_id_in(posted.url)]
        headers = {name.lower(): value for name, value in posted.headers.items()}
        reply = endpoint.answer(Received(path="/", headers=headers, body=posted.body, at=time.monotonic()))
        if reply.hangs_up:
            return Failed(reason=FailureReason.RESET, elapsed_ms=5)
        return Answer(status=reply.status, first_bytes=reply.body, elapsed_ms=5)

    def pay_and_come_to_rest(self) -> None:
        for merchant in self._endpoints:
            self.webhooks.told(merchant, EVENTS)
        for _ in range(PAUSES):
            for endpoint_id in self._by_id:
                for lane in Lane:
                    while self.webhooks.work_off(endpoint_id, lane):
                        """There is more."""
            self.webhooks.clock.advance(PAUSE_SECONDS)

    def truth(self) -> Truth:
        return Truth(told=[self._told(merchant, endpoint) for merchant, (_, endpoint) in self._endpoints.items()])

    def _told(self, merchant: MerchantId, endpoint: MerchantEndpoint) -> Told:
        with self.webhooks.books.unit_of_work() as work:
            log = work.event_log.of_merchant(merchant, after=BEGINNING, limit=10 * EVENTS)
        wanted = {
            str(each.id): fingerprint(event_view(each))
            for each in log
            if any(matches(pattern, each.event_type) for pattern in ASKED_FOR)
        }
        came = endpoint.came()
        return Told(
            endpoint=endpoint.name,
            wanted=wanted,
            came=came,
            strange=sorted(set(came) - set(wanted)),
            unbelievable=endpoint.unbelievable_since(0),
        )


def _id_in(url: str) -> EndpointId:
    return EndpointId(UUID(url.rpartition("/")[2]))


@pytest.fixture
def truth(monkeypatch: pytest.MonkeyPatch) -> Iterator[Truth]:
    monkeypatch.setattr("tests.chaos.endpoint.PAST_THE_LIMIT_SECONDS", 0.01)
    # Here nobody gives up waiting: an answer cannot be too late.
    monkeypatch.setattr("tests.chaos.endpoint.DAWDLING", ("never",))
    with ExitStack() as stack:
        merchants = _Merchants(stack)
        merchants.pay_and_come_to_rest()
        yield merchants.truth()


def test_every_event_is_taken_in_the_end_whatever_an_endpoint_does_at_first(truth: Truth) -> None:
    assert [len(told.wanted) for told in truth.told] == [EVENTS, EVENTS]
    assert invariants.every_event_is_delivered(truth) == []
    assert any(arrived.times > 1 for told in truth.told for arrived in told.came.values())


def test_what_comes_says_what_the_log_says_under_the_events_own_id(truth: Truth) -> None:
    assert invariants.deliveries_say_what_the_log_says(truth) == []


def test_no_merchant_is_told_of_another(truth: Truth) -> None:
    assert invariants.nobody_is_told_of_others(truth) == []
