"""What Alembic runs: it gets a connection from ``migrate`` and nothing from the environment."""

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.schema import SchemaItem

from shared.persistence.tables import METADATA


def is_ours(_item: SchemaItem, name: str | None, type_: str, _reflected: bool, _other: SchemaItem | None) -> bool:  # noqa: FBT001 - its hook
    # In a database shared with others, autogenerate would drop every table that it does not know.
    return type_ != "table" or name in METADATA.tables


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=METADATA, include_object=is_ours)
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
