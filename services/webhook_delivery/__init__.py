"""Delivers what happened to the merchants' own servers: signed, on a schedule, each apart from the others."""
