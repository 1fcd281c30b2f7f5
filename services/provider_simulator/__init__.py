"""Serves every provider's simulator over HTTP, with its failures, for sandbox, demonstration and tests."""
