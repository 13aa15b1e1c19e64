from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Address, Endpoint
from wgmon_tui.net.resolver import Resolver
from wgmon_tui.protocols.wireguard.server_addresses import ServerAddresses

FIRST, SECOND = ip_address("192.0.2.1"), ip_address("192.0.2.2")


class FixedResolver(Resolver):
    """Answers with one address, which a test changes."""

    answer: Address = FIRST

    async def resolve(
        self, endpoint: Endpoint, timeout_s: float, newer_than: float = float("-inf")
    ) -> tuple[Address, ...]:
        return (self.answer,)


async def test_a_name_that_replaces_an_address_has_not_moved_from_what_it_was_before() -> None:
    resolver = FixedResolver()
    addresses = ServerAddresses(resolver)
    named = Server("x", Endpoint("vpn.example", 51820), PrivateKey.generate().public, "me")
    assert await addresses.look_up(named) == ((FIRST,), None)
    await addresses.look_up(replace(named, endpoint=Endpoint(str(SECOND), 51820)))
    resolver.answer = SECOND
    assert await addresses.look_up(named) == ((SECOND,), None)


async def test_a_name_that_moved_says_so() -> None:
    resolver = FixedResolver()
    addresses = ServerAddresses(resolver)
    named = Server("x", Endpoint("vpn.example", 51820), PrivateKey.generate().public, "me")
    await addresses.look_up(named)
    resolver.answer = SECOND
    found, moved = await addresses.look_up(named)
    assert found == (SECOND,)
    assert moved
    assert (moved.host, moved.removed, moved.new) == ("vpn.example", (FIRST,), (SECOND,))
