"""What to look at when something is odd: our own side, and a server's own view of itself."""
