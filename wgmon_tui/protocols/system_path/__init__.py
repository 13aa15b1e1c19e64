"""System path: checks an inner address through this machine's own network stack and interfaces."""
