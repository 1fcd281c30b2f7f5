"""Tests of the Stripe simulator, by Stripe's own SDK and one answer at a time."""
