"""Benchmarks against a running system: ratios within one run, never a limit in a test."""
