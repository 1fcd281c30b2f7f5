"""PostgreSQL, the truth: tables, one repository per aggregate, and the unit of work that commits them together."""
