"""Stripe: cards, taken at once or by captures of what was authorized, over Stripe's own SDK."""
