"""Evidence in, verdict out: pure functions that name a cause only where the evidence proves it."""
