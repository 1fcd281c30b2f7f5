"""Consumes one provider's commands and callbacks, calls the provider, and records what came of it."""
