"""What the client of a mesh on this machine knows of a node, and the contract for asking it."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from types import MappingProxyType

from wgmon_tui.net.addresses import Address
from wgmon_tui.records import dataclass
from wgmon_tui.text import format_age, format_list, printable

MESH_CLIENTS: Mapping[str, str] = MappingProxyType(
    {"tailscale": "tailscale", "headscale": "tailscale", "netbird": "netbird"}
)
"""The client of each kind of control plane. Its name is also that of the protocol that asks it."""


@dataclass(frozen=True, slots=True)
class MeshPeer:
    """What the client of a mesh on this machine knows of one address. None, or "", where it says nothing.

    `trouble` says why the client could not be asked; nothing else is known then. `is_known` tells whether the
    node is in the client's list of peers. `is_direct` tells whether its path uses no relay. `handshake_age`
    is that of the last WireGuard handshake, in seconds. `is_answered` tells whether the client of the node
    itself answered a ping through WireGuard, before the network stack of the node, after `rtt` seconds.
    """

    client: str
    trouble: str = ""
    is_known: bool | None = None
    is_direct: bool | None = None
    relay: str = ""
    handshake_age: float | None = None
    has_expired: bool = False
    is_answered: bool | None = None
    rtt: float | None = None


class MeshClient(typing.Protocol):
    """The client of a mesh on this machine."""

    async def query_peer(self, address: Address, timeout_s: float) -> MeshPeer:
        """Ask it about a node. Never raises if the program fails."""


def describe_peer(peer: MeshPeer) -> str:
    """Describe in one line what the client reports."""
    client = printable(peer.client)
    if peer.trouble:
        return f"{client} on this machine was not asked: {printable(peer.trouble)}"
    if peer.is_known is False:
        return f"{client} on this machine does not have that address in its list of peers"
    said = []
    if peer.is_direct is not None:
        relay = f" {printable(peer.relay)}" if peer.relay else ""
        said.append("its path is direct" if peer.is_direct else f"its path goes by the relay{relay}")
    if peer.handshake_age is not None:
        said.append(f"its last handshake was {format_age(peer.handshake_age)}")
    if peer.has_expired:
        said.append("its key has expired")
    if peer.is_answered is not None:
        said.append(f"a ping through WireGuard was {'answered' if peer.is_answered else 'not answered'}")
    return f"{client} on this machine says: {format_list(said) if said else 'it knows that address'}"
