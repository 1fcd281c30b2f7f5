"""Planted bugs: the classic mistakes of payment systems, made on purpose, to see whether our tests notice."""
