"""The endpoints that wait for their merchant's other calls, in memory."""

from datetime import datetime

from shared.domain.ids import EndpointId, MerchantId
from shared.domain.webhook_endpoint import Lane, WebhookEndpoint
from shared.persistence.waiting_turns import WaitingTurns
from tests.fakes.persistence.session import Session


class InMemoryWaitingTurns(WaitingTurns):
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, endpoint: WebhookEndpoint, lane: Lane, now: datetime) -> None:
        waiting = self._session.own_rows.webhook_waiting_turns
        waiting.setdefault((endpoint.id, lane), (now, endpoint.merchant_id))

    def take(self, merchant_id: MerchantId, lane: Lane) -> EndpointId | None:
        waiting = self._session.own_rows.webhook_waiting_turns
        theirs = [(since, key) for key, (since, owner) in waiting.items() if (owner, key[1]) == (merchant_id, lane)]
        if not theirs:
            return None
        _, longest = min(theirs)
        del waiting[longest]
        endpoint_id: EndpointId = longest[0]
        return endpoint_id
