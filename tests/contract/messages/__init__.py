"""The messages' contract: their pinned JSON schemas, and what the codec takes and refuses."""
