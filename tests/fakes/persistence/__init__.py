"""PostgreSQL in memory: the repositories' interfaces, the constraints of the schema, and undo without a commit."""
