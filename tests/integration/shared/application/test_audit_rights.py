"""What the services' role may do to the audit trail: add to it, and read it."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.integration.trail import Trail


@pytest.mark.parametrize("table", ["audit_logs", "audit_seals", "audit_leaves"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {table} SET {column} = {column}",
        "DELETE FROM {table}",
        "TRUNCATE {table} CASCADE",
        "ALTER TABLE {table} DISABLE TRIGGER ALL",
        "DROP TABLE {table} CASCADE",
        "SET session_replication_role = replica",
    ],
)
def test_the_services_role_can_only_add(trail: Trail, table: str, statement: str) -> None:
    column = {"audit_logs": "user_id", "audit_seals": "mac", "audit_leaves": "leaf_hash"}[table]

    with trail.database.application.connect() as connection, pytest.raises(DBAPIError, match=r"denied|owner"):
        connection.execute(text(statement.format(table=table, column=column)))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_logs SET mac = ''",
        "UPDATE audit_seals SET mac = ''",
        "UPDATE audit_leaves SET leaf_hash = ''",
        "DELETE FROM audit_logs",
        "DELETE FROM audit_seals",
        "DELETE FROM audit_leaves",
        "TRUNCATE audit_logs CASCADE",
        "TRUNCATE audit_seals CASCADE",
        "TRUNCATE audit_leaves",
    ],
)
def test_a_trigger_stops_the_owner_too(trail: Trail, statement: str) -> None:
    with trail.database.owner.connect() as connection, pytest.raises(DBAPIError, match="append-only"):
        connection.execute(text(statement))
