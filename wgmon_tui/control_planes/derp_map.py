"""The DERP map of Tailscale and headscale: regions, and the relays of each. Pure.

Source: tailcfg/derpmap.go of tailscale/tailscale.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from wgmon_tui.config.relay_addresses import RelayAddress, RelayKind
from wgmon_tui.control_planes.json_fields import Drift, Fields

_NO_PORT = -1
"""What the map writes for a relay without STUN."""


def read_derp_map(value: object, regions: Collection[str]) -> tuple[RelayAddress, ...]:
    """The relays of these regions, by code or number, in the order of the map. Never raises."""
    found: list[RelayAddress] = []
    for region in Fields(value, "", Drift()).values("Regions"):
        code, number = region.text("RegionCode"), region.number("RegionID")
        if code in regions or str(number) in regions:
            for node in region.children("Nodes"):
                found += _read_node(node, code or str(number))
    return tuple(found)


def missing_regions(relays: Collection[RelayAddress], regions: Collection[str]) -> tuple[str, ...]:
    """The regions that were asked for by code, and that no relay has."""
    have = {each.region for each in relays}
    return tuple(each for each in regions if each not in have and not each.isdigit())


def _read_node(node: Fields, region: str) -> Iterator[RelayAddress]:
    host = node.text("HostName")
    stun, derp = node.number("STUNPort", optional=True), node.number("DERPPort", optional=True)
    if host and not node.flag("STUNOnly", optional=True) and (derp or 0) in range(2**16):
        yield RelayAddress(RelayKind.DERP, host, derp or RelayKind.DERP.port, region)
    if host and stun != _NO_PORT and (stun or 0) in range(2**16):
        yield RelayAddress(RelayKind.STUN, host, stun or RelayKind.STUN.port, region)
