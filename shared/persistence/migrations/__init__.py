"""The schema's history (Alembic), applied by one process at a time."""
