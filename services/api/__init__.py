"""The merchants' HTTP API: validates, records, answers 202; it calls no provider and waits for no broker."""
