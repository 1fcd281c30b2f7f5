"""What all tables share: their metadata, names of constraints, and kinds of columns."""

from enum import StrEnum

from sqlalchemy import DateTime, MetaData
from sqlalchemy.types import UserDefinedType

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
METADATA = MetaData(naming_convention=NAMING)


class TransactionNumber(UserDefinedType[str]):
    """PostgreSQL's ``xid8``: the writing transaction, by which readers know what may still be missing."""

    cache_ok = True

    def get_col_spec(self, **_kw: object) -> str:
        return "xid8"


def time_column() -> DateTime:
    return DateTime(timezone=True)


def one_of(column: str, values: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"
