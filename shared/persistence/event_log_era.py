"""Keeps places in the event log in order over restores, whatever becomes of PostgreSQL's count of transactions."""

from sqlalchemy import Connection, text

# More than the transactions of any history: what was lost with the old one keeps places between it and the new one.
ERA = 10**12

_HISTORY = "SELECT system_identifier || '.' || timeline_id FROM pg_control_system(), pg_control_checkpoint()"

# Another cluster, another timeline, or rows that this cluster cannot have written yet.
_NEXT = "(pg_snapshot_xmax(pg_current_snapshot())::text::bigint + base)::text::xid8"
_IS_ANOTHER = f"history <> :history OR EXISTS (SELECT FROM events WHERE written_by >= {_NEXT})"

_BEGIN = f"""UPDATE event_log_state SET history = :history, base = :era + greatest(
    base,
    forgotten_written_by::text::bigint,
    (SELECT written_by::text::bigint FROM events ORDER BY written_by DESC LIMIT 1))
WHERE {_IS_ANOTHER}"""  # noqa: S608 - constants


def history_of(connection: Connection) -> str:
    """Names the history that this database is of. PostgreSQL begins a new one when a standby takes over, when a backup
    is recovered to a point in time, and with every new cluster.
    """
    return str(connection.execute(text(_HISTORY)).scalar_one())


def begin_era(connection: Connection, restores: int) -> bool:
    """Where the database is of another history than when this was last called: have all that is written from now on
    come behind all that was ever read. Whether it was. May be repeated, and may run while events are written.

    ``restores`` counts those that PostgreSQL cannot tell.
    """
    given = {"history": f"{history_of(connection)}.{restores}", "era": ERA}
    if not connection.execute(text(f"SELECT {_IS_ANOTHER} FROM event_log_state"), given).scalar_one():  # noqa: S608 - constants
        return False
    # Who is writing ends first: its events have places of the old count, which readers of the new one have passed.
    connection.execute(text("LOCK TABLE events IN SHARE ROW EXCLUSIVE MODE"))
    return connection.execute(text(_BEGIN), given).rowcount == 1
