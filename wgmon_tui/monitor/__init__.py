"""The engine: when to check what, and what the fleet looks like now. Knows no screen and no store."""
