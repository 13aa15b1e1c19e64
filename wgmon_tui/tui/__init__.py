"""The Textual face: shows the board, asks the engine; probes nothing itself."""
