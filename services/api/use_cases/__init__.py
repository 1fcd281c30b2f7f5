"""What the API does, one module a use case."""
