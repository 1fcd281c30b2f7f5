"""What every process needs to run: settings, clock, logging, correlation, metrics, health, cryptography."""
