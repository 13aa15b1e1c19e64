"""Record types for one check: packets, handshake, tunnel stage and evidence."""

from __future__ import annotations

from enum import Enum

from wgmon_tui.checks.evidence import Evidence
from wgmon_tui.checks.stage import Stage, find_failed_stage
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.config.models import WIREGUARD
from wgmon_tui.net.addresses import Address, Endpoint, Interface
from wgmon_tui.records import dataclass


class Direction(Enum):
    """The direction of a packet."""

    SENT = "sent"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True)
class Packet:
    """A UDP payload of an exchange. `at` is in seconds since the start of the check."""

    at: float
    direction: Direction
    data: bytes


@dataclass(frozen=True, slots=True)
class Handshake:
    """A handshake whose response authenticated.

    `rtt` is the round-trip time of the answered attempt, in seconds. It uses the kernel's receive timestamp
    where the platform has one. `retransmits` counts the initiations without an answer. `cookie` is
    true if the server demanded a cookie first.
    """

    rtt: float
    retransmits: int = 0
    cookie: bool = False


@dataclass(frozen=True, slots=True)
class Tunnel:
    """The result of sending data through the session.

    `sent` and `received` count echoes and service probes. `rtt` is the median time of the echoes in
    seconds; without echoes, that of TCP answers or of the first hop. `mtu` is the largest inner packet that
    passed, None if it was not measured. `passive` is true if no inner address is configured. The first hop is
    probed instead and counts once per IP version. If it is silent too, a deep check waits for the server's
    keepalive.
    """

    sent: int
    received: int
    rtt: float | None
    mtu: int | None
    passive: bool


@dataclass(frozen=True, slots=True)
class ProbedAs:
    """The identity that a check used: what the server must list for this peer."""

    public_key: PublicKey
    tunnel_addresses: tuple[Interface, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """One run of all stages against one address of one server.

    `started_at` is Unix time in seconds. `address` is None if the name did not resolve. `sent` counts
    initiations. `stages` are in the order in which they run; empty if nothing was checked, and in records
    of earlier versions. `framing` is what the protocol needs to name the fields of the packets, in its own
    words.
    """

    server: str
    vantage: str
    endpoint: Endpoint
    address: Address | None
    started_at: float
    handshake: Handshake | None
    evidence: tuple[Evidence, ...] = ()
    exchange: tuple[Packet, ...] = ()
    sent: int = 0
    tunnel: Tunnel | None = None
    probed_as: ProbedAs | None = None
    stages: tuple[Stage, ...] = ()
    protocol: str = WIREGUARD
    framing: str = ""

    @property
    def failed_stage(self) -> Stage | None:
        """The stage at which the check failed; None if no stage failed."""
        return find_failed_stage(self.stages)
