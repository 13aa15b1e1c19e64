"""The Textual face: reads the board, asks the engine, never probes."""
