"""The processes; they never import one another."""
