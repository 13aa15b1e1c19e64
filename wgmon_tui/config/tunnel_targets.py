"""Addresses inside the tunnel that a server's settings name, and those that its identity cannot probe."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from wgmon_tui.config.models import Identity, Server
from wgmon_tui.net.addresses import Address
from wgmon_tui.records import dataclass
from wgmon_tui.text import quoted


@dataclass(frozen=True, slots=True)
class UnaddressedTarget:
    """A target of setting `key` whose IP version the identity has no tunnel address of."""

    key: str
    target: str
    version: int
    identity: str

    def __str__(self) -> str:
        """What is wrong and what to type, as a phrase to put after the file and the key."""
        target = quoted(self.target)
        return (
            f'{target} cannot be probed, because identity "{self.identity}" has no '
            f"IPv{self.version} tunnel address; add one to its addresses, or remove {target} here"
        )


def find_unaddressed_targets(server: Server, identity: Identity | None) -> list[UnaddressedTarget]:
    """The targets that no check can probe; none without `tunnel`, which probes nothing."""
    if not server.tunnel or identity is None:
        return []
    addressed = {each.version for each in identity.addresses}
    return [
        UnaddressedTarget(key, target, version, identity.name)
        for key, target, version in _targets(server)
        if version not in addressed
    ]


def inner_addresses(server: Server) -> list[Address]:
    """The addresses inside the tunnel that a server's settings name."""
    urls = (each.known_address for each in server.tunnel_http)
    return [
        *server.tunnel_ping,
        *(each.address for each in server.tunnel_dns),
        *(ip_address(each.host) for each in server.tunnel_tcp),
        *(each for each in urls if each),
    ]


def _targets(server: Server) -> Iterator[tuple[str, str, int]]:
    """The key, the text and the IP version of each target."""
    for address in server.tunnel_ping:
        yield "tunnel_ping", str(address), address.version
    for name_server in server.tunnel_dns:
        yield "tunnel_dns", str(name_server), name_server.address.version
    for endpoint in server.tunnel_tcp:
        yield "tunnel_tcp", str(endpoint), ip_address(endpoint.host).version
    for target in server.tunnel_http:
        if target.known_address:
            yield "tunnel_http", str(target.url), target.known_address.version
