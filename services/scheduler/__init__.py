"""What happens by the clock (Celery beat and worker); never on the payment path, never the only copy of anything."""
