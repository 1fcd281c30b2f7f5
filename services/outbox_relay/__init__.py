"""Publishes what a process committed and did not get to publish, and takes over what a dead worker left."""
