"""Where a proxy shall connect to: a name or an address, and a port, in the forms of the protocols."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

IPV4, NAME, IPV6 = 1, 3, 4
"""Address types of SOCKS5 (RFC 1928 §5), which Shadowsocks and Trojan use too."""

_LENGTHS = {IPV4: 4, IPV6: 16}


@dataclass(frozen=True, slots=True)
class Destination:
    """A host and port. A name is at most 255 bytes long and in ASCII."""

    host: str
    port: int

    @property
    def address(self) -> IPv4Address | IPv6Address | None:
        """The address; None for a name."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None

    def to_socks(self) -> bytes:
        """Type, address and port, as in a request of SOCKS5."""
        return self.encode_host(IPV4, NAME, IPV6) + self.port.to_bytes(2, "big")

    def encode_host(self, ipv4: int, name: int, ipv6: int) -> bytes:
        """The address behind its type, with the numbers that a protocol has for the types."""
        address = self.address
        if address is not None:
            return bytes([ipv4 if address.version == 4 else ipv6]) + address.packed
        host = self.host.encode("ascii")
        return bytes([name, len(host)]) + host


def skip_socks_address(data: bytes) -> int | None:
    """The length of a SOCKS5 address with its port at the start of `data`; None if it is none."""
    if not data:
        return None
    if data[0] == NAME:
        length = 2 + data[1] if len(data) > 1 else None
    else:
        length = 1 + _LENGTHS[data[0]] if data[0] in _LENGTHS else None
    return length + 2 if length is not None and len(data) >= length + 2 else None
