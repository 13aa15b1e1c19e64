"""Sessions whose check has ended.

A server sends all data for this identity in its latest session. While another client uses the identity too,
that session may be the one of the last check.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Set as AbstractSet

from wgmon_tui.net import inner_packets
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.inner_packets import TcpAnswer
from wgmon_tui.protocols.wireguard.primitives import AuthenticationError
from wgmon_tui.protocols.wireguard.session import ReplayError, Session

_MAX_KEPT = 1000

Services = AbstractSet[tuple[Address, int]]
"""Inner addresses and TCP ports."""


class EndedSessions:
    """The latest ended sessions, by the index that this process chose."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[int, tuple[Session, Services]] = OrderedDict()
        self._heard: set[int] = set()
        """Indices of sessions in which an authentic packet arrived since `listen`."""

    def keep(self, session: Session, services: Services) -> None:
        """Keep a session. `services` are the inner TCP services that its check probed."""
        self._sessions[session.local_index] = session, services
        if len(self._sessions) > _MAX_KEPT:
            index, _ = self._sessions.popitem(last=False)
            self._heard.discard(index)

    def listen(self, index: int) -> None:
        """Note from now on whether an authentic packet arrives in a session."""
        self._heard.discard(index)

    def was_heard(self, index: int) -> bool:
        """Return whether an authentic packet arrived in a session since `listen`."""
        return index in self._heard

    def has_other_client(self, index: int, packet: bytes) -> bool:
        """Return whether a packet belongs to a TCP connection that another client opened."""
        session, services = self._sessions.get(index, (None, frozenset()))
        if session is None:
            return False
        try:
            content = session.open(packet)
        except (AuthenticationError, ReplayError):
            return False
        self._heard.add(index)
        return is_of_other_client(inner_packets.parse(content), services)


def is_of_other_client(packet: inner_packets.InnerPacket, services: Services) -> bool:
    """Return whether an inner packet is the reply of a TCP service that this process does not probe."""
    return isinstance(packet, TcpAnswer) and packet.is_reply and (packet.source, packet.port) not in services
