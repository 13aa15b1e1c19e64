"""Address and endpoint types for all protocols, and addresses as text."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, ip_address
from typing import TypeVar

from wgmon_tui.records import dataclass

Address = IPv4Address | IPv6Address
Interface = IPv4Interface | IPv6Interface

_MOST_CACHED = 65536

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class _Cache(dict[_Key, _Value]):
    """What was computed for a key, for all parts of the program. It is emptied when it is full.

    A cache of functools takes 140 bytes more for each address, and each part had its own.
    """

    def __init__(self, compute: Callable[[_Key], _Value]) -> None:
        self._compute = compute

    def __missing__(self, key: _Key) -> _Value:
        if len(self) >= _MOST_CACHED:
            self.clear()
        value = self[key] = self._compute(key)
        return value


_texts = _Cache[Address, str](str)


def _parse(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if _texts[address] == text:
        _texts[address] = text  # that of servers.toml, which stays: one string less
    return address


parse_address: Callable[[str], Address | None] = _Cache(_parse).__getitem__
"""Parse an address; None if the text is none. Cached, because every check needs it."""

address_text: Callable[[Address], str] = _texts.__getitem__
"""The text of an address, cached because every check needs it."""


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
