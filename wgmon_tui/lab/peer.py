"""Peer state of a lab server: last initiation and open sessions."""

from __future__ import annotations

from collections.abc import Callable

from wgmon_tui.lab.models import LabPeer
from wgmon_tui.protocols.wireguard.session import Session

FLOOD_WINDOW_S = 0.02
"""The second of two initiations of one peer within this time is dropped (INITIATIONS_PER_SECOND)."""

_OPEN_SESSIONS = 3  # as in the kernel: previous, current, next


class PeerState:
    """The state of one peer across handshakes."""

    __slots__ = ("_admitted_at", "_greatest_stamp", "peer", "sessions", "unacknowledged")

    def __init__(self, peer: LabPeer) -> None:
        self.peer = peer
        self.sessions: dict[int, Session] = {}
        """By local index, oldest first."""
        self.unacknowledged: tuple[Session, Callable[[bytes], None]] | None = None
        """The session with the last data packet, and a function that sends to the peer."""
        self._greatest_stamp = b""
        self._admitted_at = float("-inf")

    def accept_initiation(self, timestamp: bytes, now_s: float) -> bool:
        """Whether to answer an initiation with this TAI64N stamp at a monotonic time. Stores it if so."""
        if timestamp <= self._greatest_stamp or now_s - self._admitted_at < FLOOD_WINDOW_S:
            return False
        self._greatest_stamp = timestamp
        self._admitted_at = now_s
        return True

    def add_session(self, session: Session) -> int | None:
        """Add a session. Returns the index of the oldest session if it was removed."""
        self.sessions[session.local_index] = session
        if len(self.sessions) <= _OPEN_SESSIONS:
            return None
        oldest = next(iter(self.sessions))
        del self.sessions[oldest]
        return oldest
