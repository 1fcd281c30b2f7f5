"""What "test my endpoint" sends, as a receiver that does all as it should sees it, and one that does nothing."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.webhook_delivery.trial import TrialHandler
from services.webhook_delivery.trial_cases import CASES
from shared.contracts.messages.codec import MessageUnreadable
from shared.contracts.messages.commands import DeliverWebhooks, ProbeEndpoint
from shared.domain.ids import EndpointTestId
from shared.egress.client import Answer, Failed, FailureReason
from shared.persistence.webhook_endpoint_tests import EndpointTest
from shared.runtime.clock import SystemClock
from shared.runtime.identifiers import new_id
from tests.fakes.clock import NOON
from tests.fakes.makers import MERCHANT
from tests.fakes.webhooks import SECRET, WebhooksOnFakes


class Receiver:
    """Verifies with the reference library; ``answers`` is what it says to what is genuine, and to what is not."""

    def __init__(self, taken: Answer | Failed, refused: Answer | Failed) -> None:
        self._taken, self._refused = taken, refused
        self.seen: list[tuple[str, int, bool, float]] = []

    def post(self, _url: str, body: bytes, headers: Mapping[str, str], *, over_seconds: float = 0) -> Answer | Failed:
        try:
            Webhook(SECRET).verify(body, dict(headers))
            is_genuine = True
        except WebhookVerificationError:
            is_genuine = False
        frame = json.loads(body)
        assert (frame["id"], frame["type"]) == (headers["webhook-id"], "webhook_endpoint.test")
        self.seen.append((frame["data"]["case"], frame["sequence"], is_genuine, over_seconds))
        return self._taken if is_genuine else self._refused


def _answer(status: int) -> Answer:
    return Answer(status=status, first_bytes=b"", elapsed_ms=7)


def _tried(receiver: Receiver) -> list[dict[str, Any]]:
    webhooks = WebhooksOnFakes()
    test = EndpointTest(
        id=EndpointTestId(new_id()), endpoint_id=webhooks.endpoint(), merchant_id=MERCHANT, created_at=NOON
    )
    with webhooks.books.unit_of_work() as work:
        work.webhook_endpoint_tests.add(test)
        work.commit()
    message = ProbeEndpoint(message_id=new_id(), occurred_at=NOON, correlation_id=test.id, test_id=test.id)
    TrialHandler(webhooks.books.unit_of_work, receiver, webhooks.cipher, SystemClock())(message)
    return [dict(each) for each in webhooks.books.database.committed.webhook_endpoint_tests[test.id].cases]


def test_what_is_sent_is_what_each_case_says() -> None:
    receiver = Receiver(_answer(200), _answer(400))

    _tried(receiver)

    assert receiver.seen == [
        ("good", 1, True, 0),
        ("good", 1, True, 0),
        ("late", 1, False, 0),
        ("out_of_order", 3, True, 0),
        ("out_of_order", 2, True, 0),
        ("bad_signature", 1, False, 0),
        ("previous_secret", 1, True, 0),
        ("slow", 1, True, 5.0),
    ]


def test_a_good_receiver_passes_all() -> None:
    report = _tried(Receiver(_answer(204), _answer(401)))

    assert [each["case"] for each in report] == [each.name for each in CASES]
    assert [each["advice"] for each in report] == [None] * len(CASES)


@pytest.mark.parametrize(
    ("taken", "refused", "failing"),
    [
        (_answer(200), _answer(200), {"late", "bad_signature"}),
        (_answer(200), _answer(500), {"late", "bad_signature"}),
        (_answer(200), Failed(reason=FailureReason.RESET, elapsed_ms=3), {"late", "bad_signature"}),
        (_answer(302), _answer(400), {"good", "duplicate", "out_of_order", "previous_secret", "slow"}),
        (
            Failed(reason=FailureReason.TIMEOUT, elapsed_ms=15_000),
            _answer(400),
            {"good", "duplicate", "out_of_order", "previous_secret", "slow"},
        ),
    ],
)
def test_who_does_otherwise_is_told_what_to_change(
    taken: Answer | Failed, refused: Answer | Failed, failing: set[str]
) -> None:
    report = _tried(Receiver(taken, refused))

    assert {each["case"] for each in report if not each["passed"]} == failing
    assert all(each["advice"] for each in report if not each["passed"])


def test_what_asks_for_no_test_is_set_aside() -> None:
    webhooks = WebhooksOnFakes()
    handler = TrialHandler(
        webhooks.books.unit_of_work, Receiver(_answer(200), _answer(400)), webhooks.cipher, webhooks.clock
    )
    bell = DeliverWebhooks(message_id=new_id(), occurred_at=NOON, correlation_id=new_id(), endpoint_id=new_id())

    with pytest.raises(MessageUnreadable):
        handler(bell)
