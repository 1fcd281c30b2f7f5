"""The edge: each function takes a validated request, calls one use case, and returns its answer."""
