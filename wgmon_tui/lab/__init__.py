"""WireGuard servers in this process, healthy and broken, for the demo and for speed."""
