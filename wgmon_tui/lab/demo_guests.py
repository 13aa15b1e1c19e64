"""Servers of other protocols in the demo. A kind whose packages are missing is left out."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Protocol

from wgmon_tui.config.models import Server


class DemoGuests(Protocol):
    """Lab servers of one protocol, with their entries. They answer between `start` and `stop`."""

    @property
    def servers(self) -> tuple[Server, ...]:
        """The entries in servers.toml."""

    async def start(self) -> None:
        """Start to answer."""

    async def stop(self) -> None:
        """Stop answering."""


def make_guests() -> Sequence[DemoGuests]:
    """The servers whose packages are installed. Raises OSError if loopback has no free port."""
    guests: list[DemoGuests] = []
    if find_spec("cryptography") is not None:
        from wgmon_tui.lab.ikev2.demo import Ikev2Demo
        from wgmon_tui.lab.openvpn.demo import OpenVpnDemo

        guests += (OpenVpnDemo(), Ikev2Demo())
    return guests
