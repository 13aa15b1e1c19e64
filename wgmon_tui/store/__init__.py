"""Persistent storage in the state directory: history of checks and incidents, and the timestamp ledger."""
