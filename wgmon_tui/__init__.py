"""wgmon-tui: watch WireGuard servers by performing the real handshake."""

__version__ = "0.1.0"
