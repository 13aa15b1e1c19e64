"""The terminal UI, written with Textual. It shows the fleet state and sends requests to the engine."""
