"""The control plane of the demo. It reports a node as online whose data path is dead.

Three of its nodes are WireGuard servers of the lab: a rule watches them. The fourth is a laptop that is
offline, and that no rule selects.
"""

from __future__ import annotations

import secrets
from ipaddress import IPv4Address, IPv6Address

from wgmon_tui.config.control_planes import ControlPlaneSettings
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import Fleet, Identity, SecretForm, SecretSource, Server
from wgmon_tui.lab.control_plane.server import LabControlPlane, LabNode
from wgmon_tui.lab.models import LabBehaviour, LabMode, LabPeer, LabSetup
from wgmon_tui.lab.server import LabServer
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.net.http_target import Url

NAME = "mesh"
_TYPE = "netmaker"
_INTERVAL_S, _TIMEOUT_S = 2.0, 1.5
_LAPTOP_SEEN_S = 3 * 86400.0
_WATCHED = (
    ("web-ams1", LabMode.HEALTHY, 0.006),
    ("web-fra2", LabMode.HEALTHY, 0.013),
    ("db-hel1", LabMode.SILENT, 0.021),
)


class ControlPlaneDemo:
    """The control plane and the nodes of it. The constructor binds the ports. Raises OSError."""

    def __init__(self, fleet: Fleet) -> None:
        """The nodes admit the first identity of the `fleet`."""
        identity = fleet.identities[0]
        key = PrivateKey.from_text(str(identity.private_key.value))
        self._labs: list[LabServer] = []
        nodes = [self._make_node(number, key, identity) for number in range(len(_WATCHED))]
        stranger = str(PrivateKey.generate().public)
        away = Endpoint("192.0.2.44", 51821)  # TEST-NET-1 of RFC 5737
        inner = _addresses_of(9)
        nodes.append(LabNode("laptop-ada", *inner, stranger, away, is_online=False, seen_ago=_LAPTOP_SEEN_S))
        token = secrets.token_hex(16)
        self._plane = LabControlPlane(token, nodes)
        settings = ControlPlaneSettings(
            Url(self._plane.endpoint.host, self._plane.endpoint.port, "/"),
            SecretSource(SecretForm.INLINE, token),
            watch_names=("web-*", "db-*"),
            node_identity=identity.name,
            node_tags=(NAME,),
        )
        self.servers = (
            Server(
                NAME,
                self._plane.endpoint,
                tunnel=False,
                tags=(_TYPE,),
                interval=_INTERVAL_S,
                timeout=_TIMEOUT_S,
                protocol=_TYPE,
                protocol_settings=settings,
            ),
        )

    def _make_node(self, number: int, key: PrivateKey, identity: Identity) -> LabNode:
        name, mode, latency = _WATCHED[number]
        addresses = _addresses_of(number + 1)
        networks = tuple(each.network for each in identity.addresses)
        setup = LabSetup(PrivateKey.generate(), (LabPeer(key.public, networks),), addresses)
        lab = LabServer(setup, LabBehaviour(mode, latency=latency, jitter=latency / 20))
        self._labs.append(lab)
        return LabNode(name, *addresses, str(lab.public_key), lab.endpoint)

    async def start(self) -> None:
        """Start to answer."""
        for lab in self._labs:
            await lab.start()
        await self._plane.start()

    async def stop(self) -> None:
        """Stop answering and close the ports."""
        await self._plane.stop()
        for lab in self._labs:
            await lab.stop()


def _addresses_of(number: int) -> tuple[IPv4Address, IPv6Address]:
    """The mesh addresses of a node."""
    return IPv4Address(f"10.101.0.{number}"), IPv6Address(f"fd00:101::{number}")
