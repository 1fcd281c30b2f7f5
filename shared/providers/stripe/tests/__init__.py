"""What is particular to Stripe: its amounts, its errors, its events."""
