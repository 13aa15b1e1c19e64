"""TCP and HTTP over IP packets that somebody else carries, such as a WireGuard session. Sans-I/O."""
