"""Fans results out to clients over WebSockets; the event log is what they read, the broker only rings the bell."""
