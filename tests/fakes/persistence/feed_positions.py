"""The places of readers of the event log, in memory."""

from uuid import UUID

from shared.persistence.feed_positions import FeedPositions
from tests.fakes.persistence.session import Session


class InMemoryFeedPositions(FeedPositions):
    """Where nothing is stored, it begins with the first event."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def take(self, name: str) -> str | None:
        return self._session.own_rows.webhook_feed.get(name, f"0.{UUID(int=0)}")

    def move(self, name: str, cursor: str) -> None:
        self._session.own_rows.webhook_feed[name] = cursor
