"""The sockets of embedded IKEv2 servers, bound before the servers are imported."""

from __future__ import annotations

import socket


def bind(host: str, port: int) -> socket.socket:
    """A UDP socket of a server. Raises OSError."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        listener.setblocking(False)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener
