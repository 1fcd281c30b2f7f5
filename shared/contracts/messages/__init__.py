"""Commands and events, one class each; a published shape never changes, a new one is a new version beside it."""
