"""Streams of Trojan inside TLS. Sans-I/O.

A request is the SHA-224 of the password in hex, CRLF, command, address, CRLF; data follows. The server adds
nothing to what it sends, and answers strangers with a web site: nothing in the protocol proves a server.
Source: trojan-gfw/trojan, docs/protocol.md.
"""

from __future__ import annotations

import hashlib

from wgmon_tui.protocols.proxies.destinations import Destination
from wgmon_tui.protocols.proxies.stream_layers import LayerOutput

NAME = "trojan"
CONNECT, UDP_ASSOCIATE = 1, 3
_CRLF = b"\r\n"


def password_hash(password: str) -> bytes:
    """What stands for a password in a request."""
    return hashlib.sha224(password.encode()).hexdigest().encode()


class TrojanStream:
    """One connection. It has no proof of its own: what the page answers decides."""

    name = NAME
    is_open = False
    is_proven = False
    may_be_direct = False

    def __init__(self, password: str, destination: Destination, command: int = CONNECT) -> None:
        address = bytes([command]) + destination.to_socks()
        self._header = password_hash(password) + _CRLF + address + _CRLF

    def open(self) -> bytes:
        """There is no handshake: the header goes with the first data."""
        self.is_open = True
        return b""

    def wrap(self, data: bytes) -> bytes:
        """Put the header before the first data."""
        header, self._header = self._header, b""
        return header + data

    def unwrap(self, received: bytes) -> LayerOutput:
        """Data as it is."""
        return LayerOutput(received)
