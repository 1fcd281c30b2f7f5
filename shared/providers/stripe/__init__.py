"""Stripe: card payments by PaymentIntents, with 3-D Secure, captures, refunds and disputes."""
