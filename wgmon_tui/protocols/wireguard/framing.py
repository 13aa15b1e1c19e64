"""How WireGuard's messages stand in datagrams: as they are, or framed by a protocol that disguises them.

The handshake, the session and the stages see plain messages. The exchange keeps the datagrams.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from wgmon_tui.checks.evidence import ProtocolEvidence
from wgmon_tui.net.udp_socket import Datagram
from wgmon_tui.protocols.wireguard.handshake import INITIATION_HEADER
from wgmon_tui.protocols.wireguard.wire import MessageType
from wgmon_tui.records import dataclass


class Framing(Protocol):
    """The framing towards one server. Nothing that arrives makes a method raise."""

    @property
    def is_plain(self) -> bool:
        """Whether the messages stand in the datagrams as they are."""

    @property
    def overhead(self) -> int:
        """Bytes that the framing adds to a transport message."""

    @property
    def secret_digest(self) -> str:
        """A hash of what the framing keeps secret; empty if it keeps nothing secret."""

    def initiation_header(self) -> bytes:
        """The first four bytes of the next initiation; its MACs cover them."""

    def make_decoys(self) -> tuple[bytes, ...]:
        """Datagrams to send before an initiation, which the server drops."""

    def describe(self, decoys: Sequence[bytes]) -> str:
        """What the fields of a stored exchange need, without secrets: see `Check.framing`.

        `decoys` are those that stand in the exchange.
        """

    def frame(self, kind: MessageType, message: bytes) -> bytes:
        """The datagram of a message. An initiation has its header already."""

    def unframe(self, datagram: bytes) -> bytes | None:
        """The plain message in a datagram; None if there is none."""

    def unframe_quote(self, quoted: bytes) -> bytes:
        """The beginning of a sent message, from the beginning of its datagram; empty if that is too short."""


class PlainFraming:
    """WireGuard itself."""

    is_plain = True
    overhead = 0
    secret_digest = ""

    def initiation_header(self) -> bytes:
        """Message type 1 and the reserved bytes."""
        return INITIATION_HEADER

    def make_decoys(self) -> tuple[bytes, ...]:
        """Nothing."""
        return ()

    def describe(self, decoys: Sequence[bytes]) -> str:
        """Nothing: the messages name themselves."""
        return ""

    def frame(self, kind: MessageType, message: bytes) -> bytes:
        """The message."""
        return message

    def unframe(self, datagram: bytes) -> bytes | None:
        """The datagram."""
        return datagram

    def unframe_quote(self, quoted: bytes) -> bytes:
        """The quote."""
        return quoted


PLAIN = PlainFraming()


@dataclass(frozen=True, slots=True)
class FramingTrial:
    """Another framing to try on a server, and what an answer to it proves."""

    framing: Framing
    evidence: ProtocolEvidence


class Trials(Protocol):
    """The framings to try on a server that fails, in their order."""

    def on_silence(self) -> Sequence[FramingTrial]:
        """What to try if nothing came back."""

    def on_unreadable(self, received: Sequence[bytes]) -> Sequence[FramingTrial]:
        """What to try if datagrams came back that are no messages in the usual framing."""

    def on_lost_data(self) -> Sequence[FramingTrial]:
        """What to try if the handshake works and no data comes back."""


class NoTrials:
    """Nothing to try."""

    def on_silence(self) -> Sequence[FramingTrial]:
        """Nothing."""
        return ()

    def on_unreadable(self, received: Sequence[bytes]) -> Sequence[FramingTrial]:
        """Nothing."""
        return ()

    def on_lost_data(self) -> Sequence[FramingTrial]:
        """Nothing."""
        return ()


NO_TRIALS = NoTrials()


@dataclass(frozen=True, slots=True)
class UnframedDatagram(Datagram):
    """A datagram whose `data` is the plain message in it. `framed` are the bytes that arrived."""

    framed: bytes

    @property
    def payload(self) -> bytes:
        """The bytes that arrived."""
        return self.framed
