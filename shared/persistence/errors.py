"""What can be wrong with the database, as a caller needs to know it."""


class StorageUnavailable(Exception):
    """The database is away, or has no connection free. Nothing is known to be stored: try again with the same key."""


class StorageBusy(StorageUnavailable):
    """Another transaction held the row for longer than the lock timeout."""
