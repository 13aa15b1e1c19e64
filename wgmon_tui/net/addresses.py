"""Address and endpoint types for all protocols."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface

from wgmon_tui.records import dataclass

Address = IPv4Address | IPv6Address
Interface = IPv4Interface | IPv6Interface


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server's host name or address, and its UDP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class NameServer:
    """A name server, and the host name that it must know; without one it is asked for the root."""

    address: Address
    name: str | None = None

    def __str__(self) -> str:
        return f"{self.name}@{self.address}" if self.name else str(self.address)
