"""The control plane of the demo. It answers like headscale, and reports two nodes wrongly.

Its nodes are ports on loopback, each at a separate address. A rule watches four of them through this
machine's own network, because headscale tells no endpoint of WireGuard. One of the four is online for it and
answers nothing, one is offline for it and answers. The fifth node is a laptop that no rule selects.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from wgmon_tui.config.control_planes import ControlPlaneSettings
from wgmon_tui.config.models import SecretForm, SecretSource, Server
from wgmon_tui.lab.control_plane.nodes import LabAnsweringNode, LabSilentNode, address_of
from wgmon_tui.lab.control_plane.server import LabControlPlane, LabNode
from wgmon_tui.net.http_target import Url

NAME = "mesh"
_TYPE = "headscale"
_INTERVAL_S, _TIMEOUT_S, _LATENCY_S = 2.0, 1.5, 0.02
_DAY_S, _HOUR_S = 86400.0, 3600.0


@dataclass(frozen=True, slots=True)
class _DemoNode:
    reported: LabNode
    answers: bool


_WATCHED = (
    _DemoNode(LabNode("web-ams1", address_of(1), ("tag:web",)), answers=True),
    _DemoNode(LabNode("web-fra2", address_of(2), ("tag:web",)), answers=True),
    _DemoNode(LabNode("db-hel1", address_of(3), ("tag:db",), key_left=26.5 * _DAY_S), answers=False),
    _DemoNode(
        LabNode("gw-osl1", address_of(4), ("tag:gw",), False, 7.3 * _HOUR_S, routes=("10.40.0.0/16",)),
        answers=True,
    ),
)
_LAPTOP = LabNode("laptop-ada", address_of(9), is_online=False, seen_ago=3.2 * _DAY_S, key_left=-3.1 * _DAY_S)


class ControlPlaneDemo:
    """The control plane and its nodes. The constructor binds the ports. Raises OSError."""

    def __init__(self) -> None:
        port = 0
        self._nodes: list[LabAnsweringNode | LabSilentNode] = []
        for each in _WATCHED:
            host = str(each.reported.address)
            if each.answers:
                node = LabAnsweringNode(host, port=port)
                self._nodes.append(node)
                port = node.endpoint.port  # the port of one rule is that of all nodes
            else:
                self._nodes.append(LabSilentNode(host, port))
        token = secrets.token_hex(16)
        self._plane = LabControlPlane(token, _reported(), _LATENCY_S)
        endpoint = self._plane.endpoint
        settings = ControlPlaneSettings(
            Url(endpoint.host, endpoint.port, "/"),
            SecretSource(SecretForm.INLINE, token),
            watch_tags=("tag:web", "tag:db", "tag:gw"),
            node_tags=(NAME,),
            node_port=port,
            node_ping=False,
        )
        self.servers = (
            Server(
                NAME,
                endpoint,
                tunnel=False,
                tags=(_TYPE,),
                interval=_INTERVAL_S,
                timeout=_TIMEOUT_S,
                protocol=_TYPE,
                protocol_settings=settings,
            ),
        )

    async def start(self) -> None:
        """Start to answer."""
        for each in self._nodes:
            await each.start()
        await self._plane.start()

    async def stop(self) -> None:
        """Stop answering and close the ports."""
        await self._plane.stop()
        for each in self._nodes:
            await each.stop()


def _reported() -> Sequence[LabNode]:
    return (*(each.reported for each in _WATCHED), _LAPTOP)
