"""Nodes of a mesh on loopback: each is a port at a separate address, which answers or not."""

from __future__ import annotations

import asyncio
import errno
import socket
from ipaddress import IPv4Address

from wgmon_tui.lab.stream_server import LabStreamServer, bind

NODES = 4
"""Nodes of the demo that have an address on loopback."""

_PATIENCE_S = 1.0


class LabAnsweringNode(LabStreamServer):
    """A node whose port accepts connections. The constructor binds it. Raises OSError."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Wait for the end of the connection."""
        await reader.read()


class LabSilentNode:
    """A node whose port answers nothing, as behind a firewall that drops packets.

    Its queue of connections is full, so the kernel drops each SYN that comes (tcp_conn_request of Linux).
    The constructor binds the port and fills the queue. Raises OSError.
    """

    def __init__(self, host: str, port: int) -> None:
        self._socket = bind(host, port)
        try:
            self._socket.listen(0)
            self._filling = socket.create_connection((host, port), _PATIENCE_S)
        except OSError:
            self._socket.close()
            raise

    async def start(self) -> None:
        """Do nothing: it is silent already."""

    async def stop(self) -> None:
        """Close the port."""
        self._filling.close()
        self._socket.close()


def has_addresses_of_nodes() -> bool:
    """Whether loopback has an address for each node: on Linux it has, elsewhere only if they were added."""
    try:
        for number in range(1, NODES + 1):
            bind(str(address_of(number))).close()
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL:
            raise
        return False
    return True


def address_of(number: int) -> IPv4Address:
    """The mesh address of a node. No other server of the lab is there: an address tells which node it is."""
    return IPv4Address(f"127.101.0.{number}")
