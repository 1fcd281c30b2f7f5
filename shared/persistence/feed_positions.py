"""Stores how far readers of the whole event log have come."""

from sqlalchemy import Connection, select, update

from shared.persistence.tables import webhook_feed


class FeedPositions:
    """A cursor for each reader, by name."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def take(self, name: str) -> str | None:
        """The reader's cursor, which is ours until the transaction ends; ``None``: another process has it."""
        statement = select(webhook_feed.c.cursor).where(webhook_feed.c.name == name).with_for_update(skip_locked=True)
        cursor: str | None = self._connection.execute(statement).scalar_one_or_none()
        return cursor

    def move(self, name: str, cursor: str) -> None:
        self._connection.execute(update(webhook_feed).where(webhook_feed.c.name == name).values(cursor=cursor))
