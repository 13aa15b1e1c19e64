"""Listening socket for the metrics: one address and port, bound before anything else starts."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from ipaddress import ip_address

from wgmon_tui.config.value_parsers import InvalidValueError
from wgmon_tui.net.addresses import Address
from wgmon_tui.text import quoted

_BACKLOG = 64


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """An address of this machine, and a port; port 0 picks any free port."""

    address: Address
    port: int

    def __str__(self) -> str:
        host = f"[{self.address}]" if self.address.version == 6 else str(self.address)
        return f"{host}:{self.port}"


def parse_listen_address(text: str) -> ListenAddress:
    """Parse "127.0.0.1:9586", "[::1]:9586" or "localhost:9586". Raises InvalidValueError."""
    host, colon, port = text.rpartition(":")
    if not colon or not host:
        raise InvalidValueError(
            "expected an address and a port such as 127.0.0.1:9586, or 0.0.0.0:9586 for all addresses of "
            f"this machine, got {quoted(text)}"
        )
    if not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise InvalidValueError(f"expected a port from 0 to 65535 after the colon, got {quoted(port)}")
    bracketed = host.startswith("[") and host.endswith("]")
    if ":" in host and not bracketed:
        raise InvalidValueError(
            f"expected brackets around an IPv6 address, as in [::1]:9586, got {quoted(text)}"
        )
    try:
        address = ip_address("127.0.0.1" if host == "localhost" else host[1:-1] if bracketed else host)
    except ValueError:
        raise InvalidValueError(
            f"expected an address of this machine such as 127.0.0.1, or localhost, got {quoted(host)}"
        ) from None
    return ListenAddress(address, int(port))


class ListenError(Exception):
    """The address cannot be bound. The message is one line."""


@dataclass(frozen=True, slots=True)
class ListeningSocket:
    """A listening socket and its address."""

    socket: socket.socket
    listen_address: ListenAddress


def listen(listen_address: ListenAddress) -> ListeningSocket:
    """Bind and listen. Raises ListenError."""
    family = socket.AF_INET6 if listen_address.address.version == 6 else socket.AF_INET
    try:
        listening = socket.create_server(
            (str(listen_address.address), listen_address.port), family=family, backlog=_BACKLOG
        )
    except OSError as error:
        raise ListenError(
            f"metrics: cannot listen on {listen_address}: {os.strerror(error.errno or 0)}"
        ) from None
    listening.setblocking(False)
    return ListeningSocket(listening, ListenAddress(listen_address.address, listening.getsockname()[1]))
