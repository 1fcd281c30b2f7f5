"""The words and rules of payments: money, states, outcomes and errors; no I/O, no framework."""
