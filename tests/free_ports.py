"""Ports for programs that must be told theirs before they bind it."""

from __future__ import annotations

import secrets
import socket

_LOWEST, _HIGHEST = 15_000, 32_000
"""Below those that Linux gives to sockets without a port (ip_local_port_range): none is taken by chance."""


def free_port(*, is_udp: bool = False) -> int:
    """A port of 127.0.0.1 that is free."""
    while True:
        port = _LOWEST + secrets.randbelow(_HIGHEST - _LOWEST)
        with socket.socket(type=socket.SOCK_DGRAM if is_udp else socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
