"""Servers of other protocols in the demo. A kind that this machine lacks something for is left out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import Protocol

from wgmon_tui.config.models import Server
from wgmon_tui.lab.control_plane.nodes import NODES, address_of, has_addresses_of_nodes

_OF_PROXIES = ("cryptography", "blake3", "h11")
"""The packages of the extra `proxy` that a check needs."""


class DemoGuests(Protocol):
    """Lab servers of one protocol, with their entries. They answer between `start` and `stop`."""

    @property
    def servers(self) -> tuple[Server, ...]:
        """The entries in servers.toml."""

    async def start(self) -> None:
        """Start to answer."""

    async def stop(self) -> None:
        """Stop answering."""


def explain_missing_addresses() -> str:
    """Why the demo has no control plane, if loopback lacks the addresses of its nodes; "" if it has them.

    Raises OSError if loopback has no free port.
    """
    if find_spec("h11") is None or has_addresses_of_nodes():
        return ""
    nodes = [str(address_of(number)) for number in range(1, NODES + 1)]
    return (
        f"the demo has no control plane, because loopback lacks {nodes[0]} to {nodes[-1]}; on macOS, add "
        f"each: sudo ifconfig lo0 alias {nodes[0]}"
    )


@asynccontextmanager
async def running_guests() -> AsyncIterator[tuple[Server, ...]]:
    """The entries of the servers, which answer until the end of the block. A thread makes them."""
    guests = await asyncio.to_thread(_make_guests)
    try:
        for each in guests:
            await each.start()
        yield tuple(server for each in guests for server in each.servers)
    finally:
        for each in guests:
            await each.stop()


def _make_guests() -> Sequence[DemoGuests]:
    """The servers whose packages are installed. Raises OSError if loopback has no free port."""
    guests: list[DemoGuests] = []
    if find_spec("cryptography") is not None:
        from wgmon_tui.lab.ikev2.demo import Ikev2Demo
        from wgmon_tui.lab.openvpn.demo import OpenVpnDemo

        guests += (OpenVpnDemo(), Ikev2Demo())
    if all(find_spec(each) is not None for each in _OF_PROXIES):
        from wgmon_tui.lab.proxies.demo import ProxyDemo

        guests.append(ProxyDemo())
    if find_spec("h11") is not None and has_addresses_of_nodes():
        from wgmon_tui.lab.control_plane.demo import ControlPlaneDemo

        guests.append(ControlPlaneDemo())
    return guests
